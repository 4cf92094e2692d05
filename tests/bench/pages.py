"""How long every page takes with a vendor's term loaded, solved and published: what script/bench-pages runs.

Prints a table of Markdown; exits 1 where a page's p95 is over its limit. Pages are those of the access table."""
import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse

SIZES = {  # districts, sections, services, educators
    "us-s": (8, 120, 150, 60), "us-m": (60, 1000, 1500, 450),
}
LIMIT, WEEK_LIMIT = 0.200, 0.050  # seconds
MACHINES = ("/api/", "/feeds/", "/assets/", "/healthz", "/readyz", "/metrics")


class Server:
    def __init__(self, bellwether, database, folder):
        self.log = open(os.path.join(folder, "server.log"), "w", encoding="utf-8")
        self.process = subprocess.Popen([bellwether, "serve", "--listen", "127.0.0.1:0", "--db", database],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        address = self.process.stdout.readline().split()[2]
        self.host = urllib.parse.urlsplit(address).netloc
        self.line = http.client.HTTPConnection(self.host, timeout=120)
        self.token = None

    def ask(self, method, path, body=None, accept="application/json"):
        headers = {"authorization": f"Bearer {self.token}", "accept": accept}
        if body is not None:
            headers["content-type"] = "application/json"
        began = time.perf_counter()
        self.line.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self.line.getresponse()
        text = answer.read()
        return answer, text, time.perf_counter() - began

    def json(self, method, path, body=None):
        answer, text, _ = self.ask(method, path, body)
        if answer.status >= 400:
            sys.exit(f"{method} {path}: {answer.status} {text[:500]!r}")
        return json.loads(text)


def pages(root):
    """Addresses of pages, and whether some role may see them."""
    with open(os.path.join(root, "tests/service/access/table.rs"), encoding="utf-8") as table:
        rows = re.findall(r'(?:flat|route)\(\s*"GET",\s*"([^"]+)",\s*Nothing,\s*(OPEN|"[a-z]+")', table.read())
    return [path for path, letters in rows if letters != "OPEN" and letters[1] == "y" and not path.startswith(MACHINES)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bellwether", required=True)
    parser.add_argument("--root", required=True)
    parser.add_argument("--size", default="us-m", choices=SIZES)
    parser.add_argument("--seconds", type=int, default=20, help="of solving")
    parser.add_argument("--times", type=int, default=40, help="each page is asked for")
    args = parser.parse_args()
    os.environ["BELLWETHER_REQUESTS_PER_MINUTE"] = "1000000"
    os.environ.setdefault("RUST_LOG", "warn")
    folder = tempfile.mkdtemp(prefix="bellwether-pages.")
    database = os.environ.get("DATABASE_URL") or f"sqlite:{folder}/pages.db"
    problem = os.path.join(folder, "problem.json")
    run = lambda *command: subprocess.run([args.bellwether, *command], check=True, capture_output=True, text=True).stdout
    names = ("--districts", "--sections", "--services", "--educators")
    run("generate", *[word for pair in zip(names, map(str, SIZES[args.size])) for word in pair], "--out", problem)
    run("import", "problem", problem, "--db", database)
    run("admin", "create", "--email", "a@bench.example", "--name", "Bench", "--db", database)
    server = Server(args.bellwether, database, folder)
    try:
        server.token = run("admin", "token", "--email", "a@bench.example", "--name", "bench", "--db", database, "--scope",
                           "read", "--scope", "write", "--scope", "accounts", "--scope", "metrics").strip()
        term = server.json("GET", "/api/v1/terms?limit=1")["items"][0]["id"]
        asked = server.json("POST", "/api/v1/runs", {"term_id": term, "seconds": args.seconds, "gap": 0})["id"]
        while server.json("GET", f"/api/v1/runs/{asked}")["state"] in ("queued", "running"):
            time.sleep(1)
        began = time.monotonic()
        server.json("POST", f"/api/v1/runs/{asked}/publish")
        print(f"published in {time.monotonic() - began:.1f} s\n", file=sys.stderr)
        session = server.json("GET", "/api/v1/sessions?from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&limit=1")["items"][0]
        ids = {"runs": asked, "educators": session["educator_id"], "schools": session["school_id"],
               "districts": session["district_id"]}

        def fill(match):
            kind = match.group(1)
            if kind not in ids:
                items = server.json("GET", f"/api/v1/{kind}?limit=1")["items"]
                if not items:
                    raise LookupError(kind)
                ids[kind] = items[0]["id"]
            return ids[kind]

        print(f"| page, {args.size} loaded, {args.times} times | p50 ms | p95 ms | most ms | kB |\n|---|---|---|---|---|")
        slow = []
        for page in pages(args.root):
            try:
                path = re.sub(r"\{([^}]+)\}", fill, page)
            except LookupError as missing:
                print(f"| `{page}` | none of {missing} in this term | | | |")
                continue
            server.ask("GET", path, accept="text/html")  # what is opened once stays open
            took, size = [], 0
            for _ in range(args.times):
                answer, text, seconds = server.ask("GET", path, accept="text/html")
                if answer.status != 200:
                    sys.exit(f"{path}: {answer.status} {text[:300]!r}")
                took.append(seconds)
                size = len(text)
            took.sort()
            p50, p95 = took[len(took) // 2], took[int(len(took) * 0.95) - 1]
            limit = WEEK_LIMIT if page == "/educators/{educators}/week" else LIMIT
            if p95 > limit:
                slow.append(page)
            mark = " **over**" if p95 > limit else ""
            print(f"| `{page}` | {p50 * 1000:.1f} | {p95 * 1000:.1f}{mark} | {took[-1] * 1000:.1f} | {size / 1000:.0f} |", flush=True)
        if slow:
            sys.exit(1)
    finally:
        server.process.terminate()
        server.process.wait(30)


main()
