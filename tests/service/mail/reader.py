"""Reads mails with Python's own parser and says what they hold, as JSON: mail_reader.py FILE …"""
import json
import sys
from email import message_from_bytes
from email.policy import default
from pathlib import Path


def read(path):
    mail = message_from_bytes(Path(path).read_bytes(), policy=default)
    parts = [part for part in mail.walk() if not part.is_multipart()]
    return {
        "headers": {name.lower(): str(value) for name, value in mail.items()},
        "kinds": [part.get_content_type() for part in mail.walk()],
        "defects": [str(defect) for part in mail.walk() for defect in part.defects],
        "parts": [
            {
                "kind": part.get_content_type(), "method": part.get_param("method"), "disposition": part.get_content_disposition(),
                "text": part.get_content().replace("\r\n", "\n") if part.get_content_maintype() == "text" else "",
            }
            for part in parts
        ],
    }


json.dump([read(path) for path in sys.argv[1:]], sys.stdout)
