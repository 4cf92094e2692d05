"""The engine on the shared instances: what script/bench runs. Prints a table; times nothing that a test asserts."""
import argparse
import csv
import json
import math
import os
import platform
import random
import subprocess
import sys
import tempfile
import time

GROWTH = {  # districts, sections, services, educators, seed, seconds: five sizes from us-s to us-l
    "8/120/150/60": (8, 120, 150, 60, 1, 600), "20/330/450/150": (20, 330, 450, 150, 1, 600),
    "60/1000/1500/450": (60, 1000, 1500, 450, 1, 600), "150/2800/5000/1270": (150, 2800, 5000, 1270, 1, 600),
    "400/8000/16000/3600": (400, 8000, 16000, 3600, 1, 600),
}
SIZES = {  # districts, sections, services, educators, seed, seconds
    "us-xs": (4, 30, 30, 12, 3, 30), "us-s": (8, 120, 150, 60, 1, 60),
    "us-m": (60, 1000, 1500, 450, 1, 120), "us-l": (400, 8000, 16000, 3600, 1, 600),
}


def generated(shared, name, folder):
    districts, sections, services, educators, seed, _ = (SIZES | GROWTH)[name]
    path = os.path.join(folder, f"{name.replace('/', '-')}.json")
    with open(path, "w", encoding="utf-8") as out:
        subprocess.run([sys.executable, os.path.join(shared, "bench", "generate.py"), "--districts", str(districts),
                        "--sections", str(sections), "--services", str(services), "--educators", str(educators),
                        "--seed", str(seed)], check=True, stdout=out)
    return path


def solve(bellwether, problem, seconds, folder, *more):
    """Runs one solve; returns its report, wall seconds, when the first schedule was there and each gap to the final bound
    reached, where the schedule is, and the events."""
    out = os.path.join(folder, "schedule.json")
    began = time.monotonic()
    done = subprocess.run([bellwether, "solve", problem, "--seconds", str(seconds), "--memory", str(8 << 30), "--events",
                           "--out", out, *more], capture_output=True, text=True, check=False)
    wall = time.monotonic() - began
    if done.returncode != 0:
        sys.exit(f"solve {problem} ended with {done.returncode}: {done.stderr[-500:]}")
    with open(out, encoding="utf-8") as handle:
        report = json.load(handle)["report"]
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    reached = {}
    for gap in (0.05, 0.01, 0.001):
        near = [e["t"] for e in events if e["incumbent"] and e["incumbent"] - report["bound"] <= gap * e["incumbent"]]
        reached[gap] = f"{near[0]:.1f}" if near else "–"
    first = next((e["t"] for e in events if e["incumbent"]), None)
    return report, wall, first, reached, out, events


def judged(shared, problem, out):
    done = subprocess.run([sys.executable, os.path.join(shared, "bench", "staffing.py"), problem, out],
                          capture_output=True, text=True, check=False)
    return json.loads(done.stdout.splitlines()[-1])


def peer(shared, name, problem, seconds):
    """What another solver comes to on the plain programme: its own report, with no cost where it found no schedule."""
    done = subprocess.run([sys.executable, os.path.join(shared, "bench", f"peer_{name}.py"), problem, str(seconds)],
                          capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        return {"status": f"nothing ({done.stderr.strip()[-120:]})"}
    report = json.loads(lines[-1])
    if report.get("faults"):
        report.pop("checked", None)
    return report


def beside(args, problem, seconds, cost, ours):
    """One line for each peer: its cost over ours, and its seconds over ours to the cost that it ends with."""
    for other in ("highs", "cpsat"):
        report = peer(args.shared, other, problem, seconds)
        line = f"  {other}, {seconds:.0f} s: {report['status']}"
        if "checked" in report:
            line += f", {report['checked']:,} = {report['checked'] / cost:.4f} × ours"
            reached = ours(report["checked"])
            if reached:
                line += f", in {report['solve_s']:.1f} s = {report['solve_s'] / reached:.0f} × the {reached:.2f} s that we need for as much"
        print(line, flush=True)
        yield report


def bench_sizes(args, names, folder):
    print("| instance | status | objective | bound | gap | first s | to 5 % | to 1 % | to 0.1 % | wall s | peak MB | valid |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for name in names:
        problem = generated(args.shared, name, folder)
        seconds = args.seconds or SIZES[name][5]
        report, wall, first, reached, out, events = solve(args.bellwether, problem, seconds, folder)
        verdict = judged(args.shared, problem, out)
        same = verdict["valid"] and verdict["cost"]["total"] == report["objective"]
        print(f"| {name} | {report['status']} | {report['objective']:,} | {report['bound']:,} | {report['gap']:.4%} | {first} "
              f"| {reached[0.05]} | {reached[0.01]} | {reached[0.001]} | {wall:.1f} | {report['peak_rss_bytes'] / 1e6:.0f} "
              f"| {'yes' if same else 'NO'} |", flush=True)
        if args.peers:
            as_good = lambda cost: next((e["t"] for e in events if e["incumbent"] and e["incumbent"] <= cost), None)
            list(beside(args, problem, args.peer_seconds or seconds, report["objective"], as_good))


def bench_smptsp(args, folder):
    data = os.path.join(args.shared, "bench", "data", "smptsp")
    sys.path.insert(0, os.path.join(args.shared, "bench"))
    import smptsp
    total = worse = better = 0
    theirs = {"highs": 0.0, "cpsat": 0.0}
    print("| instance | tasks | best known | found | bound | seconds to it |\n|---|---|---|---|---|---|")
    with open(os.path.join(data, "best_known.csv"), encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    for row in rows:
        problem = os.path.join(folder, "smptsp.json")
        with open(problem, "w", encoding="utf-8") as out:
            json.dump(smptsp.convert(os.path.join(data, row["instance"] + ".dat.gz")), out)
        out = os.path.join(folder, "schedule.json")
        done = subprocess.run([args.bellwether, "solve", problem, "--seconds", str(args.seconds or 60), "--events", "--out", out],
                              capture_output=True, text=True, check=True)
        with open(out, encoding="utf-8") as handle:
            report = json.load(handle)["report"]
        events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
        best = int(row["best_known"])
        at = next((e["t"] for e in events if e["incumbent"] is not None and e["incumbent"] <= best), 60.0)
        verdict = judged(args.shared, problem, out)
        if not verdict["valid"] or verdict["cost"]["total"] != report["objective"]:
            sys.exit(f"{row['instance']}: the judge disagrees: {verdict}")
        total += at
        worse += report["objective"] > best
        better += report["objective"] < best
        print(f"| {row['instance']} | {row['tasks']} | {best} | {report['objective']} | {report['bound']} | {at:.2f} |", flush=True)
        if args.peers:
            reports = beside(args, problem, 60.0, report["objective"], lambda _: max(at, 0.01))
            for name, other in zip(theirs, reports):
                theirs[name] += min(other["solve_s"], 60.0) if other.get("checked", math.inf) <= best else 60.0
    for name, seconds in theirs.items():
        if args.peers:
            print(f"{name}: {seconds:.1f} s in all, {seconds / total:.0f} × ours")
    print(f"\n{len(rows)} instances, {total:.1f} s to the best known in all; {worse} worse, {better} better than published")


def bench_repair(args, folder):
    """An educator leaves: the repair beside a full search of the changed problem, and one need's candidates."""
    print("| size | educator | needs | cost before | repaired | full search | above it | seconds | valid | candidates ms |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in ("us-m", "us-l"):
        problem = generated(args.shared, name, folder)
        *_, out, _ = solve(args.bellwether, problem, args.seconds or SIZES[name][5], folder)
        with open(problem, encoding="utf-8") as handle:
            changed = json.load(handle)
        with open(out, encoding="utf-8") as handle:
            schedule = json.load(handle)
        start = os.path.join(folder, "start.json")
        os.replace(out, start)
        rows = [(r.get("section") or r["service"], r["educator"]) for r in schedule["sections"] + schedule["services"]]
        for gone in random.Random(1).sample(sorted({e for _, e in rows}), 3):
            one = dict(changed, educators=[e for e in changed["educators"] if e["id"] != gone],
                       incumbents=[{"need": n, "educator": e} for n, e in rows if e != gone])
            path = os.path.join(folder, "changed.json")
            with open(path, "w", encoding="utf-8") as handle:
                json.dump(one, handle)
            report, wall, *_, out, _ = solve(args.bellwether, path, 60, folder, "--start", start)
            valid = judged(args.shared, path, out)["valid"]
            lost = [n for n, e in rows if e == gone]
            asked = subprocess.run([args.bellwether, "candidates", path, out, "--need", lost[0]], capture_output=True, text=True, check=True)
            full, *_ = solve(args.bellwether, path, args.seconds or SIZES[name][5], folder, "--start", start, "--improve")
            above = report["objective"] / full["objective"] - 1
            print(f"| {name} | {gone} | {len(lost)} | {schedule['report']['objective']:,} | {report['objective']:,} | {full['objective']:,} "
                  f"| {above:.2%} | {wall:.2f} | {valid} | {1000 * json.loads(asked.stdout)['answer_seconds']:.0f} |", flush=True)


def bench_growth(args, folder):
    """Seconds to a gap of 2 % over five sizes, and the power of the number of needs that they grow with."""
    print("| districts/sections/services/educators | gap at the end | seconds to 5 % | to 2 % | wall s |\n|---|---|---|---|---|")
    points = []
    for name, size in GROWTH.items():
        problem = generated(args.shared, name, folder)
        report, wall, *_, events = solve(args.bellwether, problem, args.seconds or size[5], folder, "--gap", "0.02")
        def to(gap):
            near = [e["t"] for e in events if e["incumbent"] and e["gap"] is not None and e["gap"] <= gap]
            return near[0] if near else wall if report["gap"] <= gap else None
        if to(0.02):
            points.append((math.log(size[1] + size[2]), math.log(to(0.02))))
        shown = [f"{to(gap):.1f}" if to(gap) else "–" for gap in (0.05, 0.02)]
        print(f"| {name} | {report['gap']:.3%} | {shown[0]} | {shown[1]} | {wall:.0f} |", flush=True)
    if len(points) > 1:
        x, y = [sum(p[n] for p in points) / len(points) for n in (0, 1)]
        slope = sum((p[0] - x) * (p[1] - y) for p in points) / sum((p[0] - x) ** 2 for p in points)
        print(f"\nseconds to 2 % grow with needs to the power of {slope:.2f} ({len(points)} sizes that came there)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bellwether", required=True)
    parser.add_argument("--shared", required=True)
    parser.add_argument("--commit", default="")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--peer-seconds", type=float)
    parser.add_argument("names", nargs="*", default=[])
    args = parser.parse_args()
    names = args.names = args.names or ["us-xs", "us-s", "us-m", "us-l", "smptsp", "repair", "growth"]
    others = ("smptsp", "repair", "growth")
    unknown = [n for n in names if n not in SIZES and n not in others]
    if unknown:
        sys.exit(f"unknown instance {unknown[0]}; use {', '.join(SIZES)}, smptsp, repair or growth")
    print(f"{os.cpu_count()} cores, {platform.machine()}, commit {args.commit}, {time.strftime('%Y-%m-%d')}\n")
    with tempfile.TemporaryDirectory() as folder:
        if any(n in SIZES for n in names):
            bench_sizes(args, [n for n in names if n in SIZES], folder)
        if "smptsp" in names:
            bench_smptsp(args, folder)
        if "repair" in names:
            bench_repair(args, folder)
        if "growth" in names:
            bench_growth(args, folder)


if __name__ == "__main__":
    main()
