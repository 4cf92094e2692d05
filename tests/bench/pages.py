"""How long every page takes with a vendor's term loaded, solved and published: what script/bench-pages runs.

Prints a table of Markdown, a column for each role; exits 1 where a p95 is over its limit. Pages, and who is let in, are
those of the access table. In the term are also vacancies, an absence, locks and logged sessions."""
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


ROLES = ("administrator", "coordinator", "district_hr", "special_education", "educator")  # as the access table's letters


class Server:
    def __init__(self, bellwether, database, folder):
        self.log = open(os.path.join(folder, "server.log"), "w", encoding="utf-8")
        self.process = subprocess.Popen([bellwether, "serve", "--listen", "127.0.0.1:0", "--db", database],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        address = self.process.stdout.readline().split()[2]
        self.host = urllib.parse.urlsplit(address).netloc


class Person:
    """Somebody who asks, by a token."""

    def __init__(self, server, token):
        self.line = http.client.HTTPConnection(server.host, timeout=120)
        self.token = token

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
        return json.loads(text) if text else None

    def first(self, path):
        items = self.json("GET", path)["items"]
        return items[0] if items else None


def pages(root):
    """Addresses of pages, with the letters of the roles."""
    with open(os.path.join(root, "tests/service/access/table.rs"), encoding="utf-8") as table:
        rows = re.findall(r'(?:flat|route)\(\s*"GET",\s*"([^"]+)",\s*Nothing,\s*(OPEN|"[a-z]+")', table.read())
    return [(path, letters.strip('"')) for path, letters in rows if letters != "OPEN" and not path.startswith(MACHINES)]


SESSIONS = "/api/v1/sessions?from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&limit="


def solved(office, run):
    """Waits for the end of a run; one without a schedule ends the bench, for half of the pages would show nothing."""
    while (known := office.json("GET", f"/api/v1/runs/{run}"))["state"] in ("queued", "running"):
        time.sleep(1)
    if not known["schedule_sha256"]:
        sys.exit(f"run {run} ended {known['state']} without a schedule: {known['cause']}")


def furnish(office, term, run):
    """What a term in use has beside its schedule. Returns ids by kind: of one educator who serves students, and of a district
    and school of theirs."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    ahead = office.json("GET", SESSIONS.replace("2000-01-01T00:00:00Z", now) + "500")["items"]
    served = next(one for one in ahead if one["students"])
    ids = {"educators": served["educator_id"], "schools": served["school_id"],
           "districts": served["district_id"], "students": served["students"][0]["student_id"], "terms": term}
    held = office.json("GET", SESSIONS + f"500&educator_id={ids['educators']}")["items"]
    for session in [one for one in held if one["students"] and one["ends_at"] < now]:
        entries = [{"service_id": one["service_id"], "outcome": "delivered"} for one in session["students"]]
        office.json("PUT", f"/api/v1/sessions/{session['id']}/log", {"entries": entries})
    sections = office.json("GET", "/api/v1/sections?limit=200")["items"]
    schools = {}
    for section in (one for one in sections if not one["vacancy_id"]):
        school = section["school_id"]
        if school not in schools:
            schools[school] = office.json("GET", f"/api/v1/schools/{school}")["district_id"]
        posting = {"district_id": schools[school], "term_id": term, "section_ids": [section["id"]], "open": True}
        office.json("POST", "/api/v1/vacancy-postings", posting)
    near = office.first(f"/api/v1/vacancies?district_id={ids['districts']}&limit=1")
    ids["vacancies"] = (near or office.first("/api/v1/vacancies?limit=1"))["id"]
    ids["sections"] = sections[0]["id"]
    # To whoever serves them: nobody else may be able to.
    for row in office.json("GET", f"/api/v1/runs/{run}/schedule")["sections"][:20]:
        body = {"term_id": term, "section_id": row["section"], "educator_id": row["educator"], "reason": "bench"}
        office.json("POST", "/api/v1/pins", body)
    on = served["starts_at"][:10]
    away = {"term_id": term, "first_on": on, "last_on": on, "reason": "ill"}
    path = f"/api/v1/educators/{ids['educators']}/absences"
    ids["absence"] = office.json("POST", path, away)["absence"]["id"]
    ids["runs"] = office.json("POST", f"/api/v1/terms/{term}/repairs")["id"]
    solved(office, ids["runs"])
    return ids


def timed(person, path, times):
    """Seconds of the first request and of the others, sorted, and the size."""
    person.line.close()  # the server has ended it if it was idle for long; the next request opens another
    _, _, first = person.ask("GET", path, accept="text/html")
    took, size = [], 0
    for _ in range(times):
        answer, text, seconds = person.ask("GET", path, accept="text/html")
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status} {text[:300]!r}")
        took.append(seconds)
        size = max(size, len(text))
    return first, sorted(took), size


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bellwether", required=True)
    parser.add_argument("--root", required=True)
    parser.add_argument("--size", default="us-m", choices=SIZES)
    parser.add_argument("--seconds", type=int, default=20, help="of solving")
    parser.add_argument("--times", type=int, default=40, help="each page is asked for, by each role")
    parser.add_argument("--only", default="", help="pages whose address contains this")
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
    run("admin", "create", "--email", "administrator@bench.example", "--name", "Bench", "--db", database)
    server = Server(args.bellwether, database, folder)

    def person(role):
        scopes = ("read", "write") + (("accounts", "metrics") if role == "administrator" else ())
        asked = [word for scope in scopes for word in ("--scope", scope)]
        return Person(server, run("admin", "token", "--email", f"{role}@bench.example", "--name", "bench", "--db", database,
                                  *asked).strip())

    try:
        people = {"administrator": person("administrator")}
        office = people["administrator"]
        term = office.first("/api/v1/terms?limit=1")["id"]
        # The whole term's sessions, also those that lie before today.
        asked = office.json("POST", "/api/v1/runs", {"term_id": term, "seconds": args.seconds, "gap": 0, "history": True})["id"]
        solved(office, asked)
        began = time.monotonic()
        office.json("POST", f"/api/v1/runs/{asked}/publish")
        print(f"published in {time.monotonic() - began:.1f} s\n", file=sys.stderr)
        ids = furnish(office, term, asked)
        for role in ROLES[1:]:
            body = {"email": f"{role}@bench.example", "name": role, "role": role}
            if role in ("district_hr", "special_education"):
                body["district_ids"] = [ids["districts"]]
            if role == "educator":
                body["educator_id"] = ids["educators"]
            office.json("POST", "/api/v1/accounts", body)
            people[role] = person(role)
        print(f"| p95 in ms, {args.size} loaded, {args.times} times each | {' | '.join(ROLES)} | first, most | kB |\n"
              f"|---|{'---|' * (len(ROLES) + 2)}")
        slow = []
        for page, letters in pages(args.root):
            if args.only not in page or "y" not in letters:
                continue
            path = re.sub(r"\{([^}]+)\}", lambda match: ids[match.group(1)], page)
            limit = WEEK_LIMIT if page == "/educators/{educators}/week" else LIMIT
            cells, firsts, most, size = [], 0, 0, 0
            for role, letter in zip(ROLES, letters):
                if letter != "y":
                    cells.append("–")
                    continue
                first, took, kept = timed(people[role], path, args.times)
                p95 = took[int(len(took) * 0.95) - 1]
                firsts, most, size = max(firsts, first), max(most, took[-1]), max(size, kept)
                if p95 > limit:
                    slow.append(page)
                cells.append(f"{p95 * 1000:.1f}" + (" **over**" if p95 > limit else ""))
            print(f"| `{page}` | {' | '.join(cells)} | {firsts * 1000:.0f}, {most * 1000:.0f} | {size / 1000:.0f} |", flush=True)
        if slow:
            sys.exit(1)
    finally:
        server.process.terminate()
        server.process.wait(30)
        print(f"kept in {folder}", file=sys.stderr)


main()
