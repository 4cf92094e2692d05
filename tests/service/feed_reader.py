"""Reads a feed with the library icalendar (PyPI) and says what it holds, as JSON: feed_reader.py FEED ZONE.

Every event is read twice: by the name of its zone, which the library knows, and by the feed's own VTIMEZONE alone, under
a name that no library knows. `starts` is the instant in UTC, `local` the clock of ZONE by Python's own database.
"""
import json
import sys
from datetime import timezone
from pathlib import Path
from zoneinfo import ZoneInfo

from icalendar import Calendar

text = Path(sys.argv[1]).read_bytes().decode()
zone = ZoneInfo(sys.argv[2])


def events(text):
    found = []
    for event in Calendar.from_ical(text).walk("VEVENT"):
        start, end = (event[name].dt.astimezone(timezone.utc) for name in ("DTSTART", "DTEND"))
        found.append({
            "uid": str(event["UID"]), "title": str(event["SUMMARY"]), "place": str(event["LOCATION"]),
            "starts": start.strftime("%Y-%m-%dT%H:%MZ"), "ends": end.strftime("%Y-%m-%dT%H:%MZ"),
            "local": start.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
        })
    return sorted(found, key=lambda event: event["starts"])


named, defined = events(text), events(text.replace("America/New_York", "School-Clock"))
assert named == defined, "the feed's own zone says otherwise than the library's"
json.dump(named, sys.stdout)
