"""Sinks: real servers on loopback that take what rondo sends and write down each message.

    python3 sinks.py mail|sms FOLDER

Binds a free port, writes it to FOLDER/KIND.port, and appends one JSON line a message to
FOLDER/KIND.jsonl: {"to": ..., "body": ...}, of an SMS also "receipt": where receipts are wanted.
Ends on SIGTERM.
"""

import asyncio
import json
import os
import sys
from urllib.parse import parse_qs, urlsplit


class Ledger:
    def __init__(self, folder, kind):
        self.file = open(os.path.join(folder, kind + ".jsonl"), "a", encoding="utf-8")

    def add(self, to, body, **more):
        self.file.write(json.dumps({"to": to, "body": body, **more}, ensure_ascii=False) + "\n")
        self.file.flush()


async def serve_smtp(reader, writer, ledger):
    """RFC 5321, as much of it as a sender needs who does nothing wrong."""
    async def say(text):
        writer.write(text.encode() + b"\r\n")
        await writer.drain()

    recipients = []
    await say("220 sink.example ESMTP")
    while line := await reader.readline():
        verb = line[:4].upper()
        if verb == b"EHLO":
            await say("250-sink.example\r\n250-8BITMIME\r\n250 SMTPUTF8")
        elif verb == b"RCPT":
            recipients.append(line[line.index(b"<") + 1:line.index(b">")].decode())
            await say("250 ok")
        elif verb == b"DATA":
            await say("354 go on")
            lines = []
            while (line := await reader.readline()) not in (b".\r\n", b""):
                lines.append(line[1:] if line.startswith(b".") else line)
            body = b"".join(lines).decode("utf-8", "replace")
            for to in recipients:
                ledger.add(to, body)
            recipients = []
            await say("250 taken")
        elif verb == b"QUIT":
            await say("221 bye")
            break
        elif verb in (b"RSET", b"MAIL", b"HELO", b"NOOP"):
            if verb != b"NOOP":
                recipients = []
            await say("250 ok")
        else:
            await say("502 not here")
    writer.close()


async def serve_sms(reader, writer, ledger):
    """The sendsms interface of Kannel, over HTTP/1.1 with kept connections."""
    while request := await reader.readline():
        length = 0
        while (header := await reader.readline()) not in (b"\r\n", b""):
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = (await reader.readexactly(length)).decode() if length else ""
        target = urlsplit(request.split()[1].decode())
        fields = parse_qs(target.query + "&" + body)
        ledger.add(fields["to"][0], fields["text"][0], receipt=fields.get("dlr-url", [""])[0])
        answer = b"0: Accepted for delivery"
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"
                     % (len(answer), answer))
        await writer.drain()
    writer.close()


async def main(kind, folder):
    ledger = Ledger(folder, kind)
    handler = {"mail": serve_smtp, "sms": serve_sms}[kind]
    server = await asyncio.start_server(lambda r, w: handler(r, w, ledger), "127.0.0.1", 0,
                                        limit=1 << 20)
    port = server.sockets[0].getsockname()[1]
    with open(os.path.join(folder, kind + ".port.part"), "w", encoding="ascii") as file:
        file.write(str(port))
    os.rename(os.path.join(folder, kind + ".port.part"), os.path.join(folder, kind + ".port"))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
