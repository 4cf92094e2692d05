"""Judge many schedules in one process with bench/staffing.py: JSON lines in, JSON lines out.

{"problem": {...}} sets the problem; {"schedule": {...}} is answered by {"valid": bool, "faults": [...], "cost": {...}}.
Expansions are kept between schedules of one problem, as nothing in them depends on the schedule.
"""
import json
import sys
from functools import lru_cache

sys.path.insert(0, sys.argv[1])
import staffing  # noqa: E402

staffing.from_utc = lru_cache(maxsize=None)(staffing.from_utc)


def remember(method, key):
    kept = {}

    def wrapped(self, *args):
        at = (id(self), key(*args))
        if at not in kept:
            kept[at] = (method(self, *args), self)  # the problem is kept too, so that no id comes back
        return kept[at][0]
    return wrapped


Problem = staffing.Problem
Problem.section_occurrences = remember(Problem.section_occurrences, lambda row: row["id"])
Problem.hold = remember(Problem.hold, lambda *args: args)
Problem.active_days = remember(Problem.active_days, lambda row: row["id"])
Problem.mandated_minutes = remember(Problem.mandated_minutes, lambda row: row["id"])
Problem.starts = remember(Problem.starts, lambda row: row["id"])

problem = None
for line in sys.stdin:
    row = json.loads(line)
    if "problem" in row:
        problem = Problem(row["problem"])
        continue
    faults, cost = staffing.check(problem, row["schedule"])
    print(json.dumps({"valid": not faults, "faults": faults[:5], "cost": cost}), flush=False)
