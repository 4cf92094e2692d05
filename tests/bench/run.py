"""The engine on the shared instances: what script/bench runs. Prints a table; times nothing that a test asserts."""
import argparse
import csv
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time

SIZES = {  # districts, sections, services, educators, seed, seconds
    "us-xs": (4, 30, 30, 12, 3, 30), "us-s": (8, 120, 150, 60, 1, 60),
    "us-m": (60, 1000, 1500, 450, 1, 120), "us-l": (400, 8000, 16000, 3600, 1, 600),
}


def generated(shared, name, folder):
    districts, sections, services, educators, seed, _ = SIZES[name]
    path = os.path.join(folder, f"{name}.json")
    with open(path, "w", encoding="utf-8") as out:
        subprocess.run([sys.executable, os.path.join(shared, "bench", "generate.py"), "--districts", str(districts),
                        "--sections", str(sections), "--services", str(services), "--educators", str(educators),
                        "--seed", str(seed)], check=True, stdout=out)
    return path


def solve(bellwether, problem, seconds, folder, *more):
    """Runs one solve; returns its report, wall seconds, and when each gap to the final bound was reached."""
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
    return report, wall, first, reached, out


def judged(shared, problem, out):
    done = subprocess.run([sys.executable, os.path.join(shared, "bench", "staffing.py"), problem, out],
                          capture_output=True, text=True, check=False)
    return json.loads(done.stdout.splitlines()[-1])


def peer(shared, name, problem, seconds):
    done = subprocess.run([sys.executable, os.path.join(shared, "bench", f"peer_{name}.py"), problem, str(seconds)],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else f"nothing ({done.stderr.strip()[-120:]})"


def bench_sizes(args, names, folder):
    print("| instance | status | objective | bound | gap | first s | to 5 % | to 1 % | to 0.1 % | wall s | peak MB | valid |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for name in names:
        problem = generated(args.shared, name, folder)
        seconds = args.seconds or SIZES[name][5]
        report, wall, first, reached, out = solve(args.bellwether, problem, seconds, folder)
        verdict = judged(args.shared, problem, out)
        same = verdict["valid"] and verdict["cost"]["total"] == report["objective"]
        print(f"| {name} | {report['status']} | {report['objective']:,} | {report['bound']:,} | {report['gap']:.4%} | {first} "
              f"| {reached[0.05]} | {reached[0.01]} | {reached[0.001]} | {wall:.1f} | {report['peak_rss_bytes'] / 1e6:.0f} "
              f"| {'yes' if same else 'NO'} |", flush=True)
        if args.peers:
            for other in ("highs", "cpsat"):
                print(f"  {other}, {seconds} s: {peer(args.shared, other, problem, seconds)}", flush=True)


def bench_smptsp(args, folder):
    data = os.path.join(args.shared, "bench", "data", "smptsp")
    sys.path.insert(0, os.path.join(args.shared, "bench"))
    import smptsp
    total = worse = better = 0
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
            for other in ("highs", "cpsat"):
                print(f"  {other}, 60 s: {peer(args.shared, other, problem, 60)}", flush=True)
    print(f"\n{len(rows)} instances, {total:.1f} s to the best known in all; {worse} worse, {better} better than published")


def bench_repair(args, folder):
    name = "us-m"
    problem = generated(args.shared, name, folder)
    *_, out = solve(args.bellwether, problem, args.seconds or SIZES[name][5], folder)
    with open(problem, encoding="utf-8") as handle:
        changed = json.load(handle)
    with open(out, encoding="utf-8") as handle:
        schedule = json.load(handle)
    start = os.path.join(folder, "start.json")
    os.replace(out, start)
    rows = [(r.get("section") or r["service"], r["educator"]) for r in schedule["sections"] + schedule["services"]]
    print("| educator | needs | cost before | repaired | seconds | valid |\n|---|---|---|---|---|---|")
    for gone in random.Random(1).sample(sorted({e for _, e in rows}), 5):
        one = dict(changed, educators=[e for e in changed["educators"] if e["id"] != gone],
                   incumbents=[{"need": n, "educator": e} for n, e in rows if e != gone])
        path = os.path.join(folder, "changed.json")
        with open(path, "w", encoding="utf-8") as handle:
            json.dump(one, handle)
        report, wall, *_, out = solve(args.bellwether, path, 60, folder, "--start", start)
        lost = sum(1 for _, e in rows if e == gone)
        print(f"| {gone} | {lost} | {schedule['report']['objective']:,} | {report['objective']:,} | {wall:.2f} "
              f"| {judged(args.shared, path, out)['valid']} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bellwether", required=True)
    parser.add_argument("--shared", required=True)
    parser.add_argument("--commit", default="")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("names", nargs="*", default=[])
    args = parser.parse_args()
    names = args.names or ["us-xs", "us-s", "us-m", "us-l", "smptsp", "repair"]
    unknown = [n for n in names if n not in SIZES and n not in ("smptsp", "repair")]
    if unknown:
        sys.exit(f"unknown instance {unknown[0]}; use {', '.join(SIZES)}, smptsp or repair")
    print(f"{os.cpu_count()} cores, {platform.machine()}, commit {args.commit}, {time.strftime('%Y-%m-%d')}\n")
    with tempfile.TemporaryDirectory() as folder:
        bench_sizes(args, [n for n in names if n in SIZES], folder)
        if "smptsp" in names:
            bench_smptsp(args, folder)
        if "repair" in names:
            bench_repair(args, folder)


if __name__ == "__main__":
    main()
