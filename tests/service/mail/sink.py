"""A mail server (aiosmtpd, PyPI) that keeps what it takes: smtp_sink.py FOLDER. Prints its port; ends with its input.

Each message becomes FOLDER/N.eml, and then a line of FOLDER/log: Message-ID, recipient, hash of the bytes. The line is
written before the client hears that the message was taken. The local part of a recipient says how it is treated:
gone… does not exist, full… has no room until asked a third time, picky… takes us for spam the first time, rude… closes the
connection after the message.
"""
import asyncio
import hashlib
import re
import sys
from collections import Counter
from pathlib import Path

from aiosmtpd.smtp import SMTP

folder = Path(sys.argv[1])
asked = Counter()


class Sink:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        asked[address] += 1
        if address.startswith("gone"):
            return "550 5.1.1 no such mailbox here"
        if address.startswith("full") and asked[address] < 3:
            return "452 4.2.2 the mailbox is full"
        if address.startswith("picky") and asked[address] < 2:
            return "554 5.7.1 this looks like spam"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        data = envelope.original_content
        self.count += 1
        (folder / f"{self.count}.eml").write_bytes(data)
        message_id = re.search(rb"^Message-ID: (\S+)", data, re.MULTILINE | re.IGNORECASE).group(1).decode()
        with open(folder / "log", "a") as log:
            log.write(f"{message_id} {envelope.rcpt_tos[0]} {hashlib.sha256(data).hexdigest()}\n")
        if envelope.rcpt_tos[0].startswith("rude") and asked[envelope.rcpt_tos[0]] < 2:
            server.transport.abort()
        return "250 taken"


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(sink, hostname="sink.example"), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


sink = Sink()
asyncio.run(main())
