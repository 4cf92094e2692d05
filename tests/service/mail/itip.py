"""What a calendar holds after a series of iTIP messages, by Evolution's calendar (evolution-data-server): itip.py FILE …

Each message is handed to the calendar as Evolution does when its reader accepts it. After each, the meetings of the
calendar as JSON: UID, SEQUENCE, title, and the instants at which it occurs, in the order of time.
Run it in a session bus of its own with a HOME of its own: dbus-run-session -- /usr/bin/python3 itip.py …
"""
import json
import sys
from pathlib import Path

import gi

gi.require_version("ECal", "2.0")
gi.require_version("EDataServer", "1.2")
gi.require_version("ICalGLib", "3.0")
from gi.repository import ECal, EDataServer, ICalGLib  # noqa: E402

registry = EDataServer.SourceRegistry.new_sync(None)
calendar = ECal.Client.connect_sync(registry.ref_builtin_calendar(), ECal.ClientSourceType.EVENTS, 4294967295, None)


def held():
    """Every occurrence, as the calendar itself unfolds rules and exceptions."""
    found = {}

    def occurs(component, start, end, *_):
        uid = component.get_uid()
        one = found.setdefault(uid, {"uid": uid, "sequence": component.get_sequence(), "title": component.get_summary(), "at": []})
        one["sequence"] = max(one["sequence"], component.get_sequence())
        utc = start.convert_to_zone(ICalGLib.Timezone.get_utc_timezone())
        one["at"].append(utc.as_ical_string())
        return True

    calendar.generate_instances_sync(0, 1 << 31, None, occurs)
    for one in found.values():
        one["at"].sort()
    return sorted(found.values(), key=lambda one: one["at"])


states = []
for path in sys.argv[1:]:
    message = ICalGLib.Component.new_from_string(Path(path).read_text())
    # What RFC 5545 and 5546 ask of such a message: how often each property stands, and with which method.
    if not ICalGLib.restriction_check(message):
        sys.exit(f"libical refuses {path}:\n{message.as_ical_string()}")
    calendar.receive_objects_sync(message, ECal.OperationFlags.NONE, None)
    states.append(held())
json.dump(states, sys.stdout)
