#!/usr/bin/env python3
"""A mail server for tests: takes every message into a ledger, and fails where it is told to.

  smtp_sink.py --port PORT --ledger FILE [--rules FILE] [--full] [--decode] [--kill FILE]
               [--tls starttls|implicit --certificate PEM] [--user NAME --password WORD]

The ledger has one JSON line per accepted message, written before the reply to the final dot:
  {"mail_from", "rcpt": [...], "message_id", "rondo_id", "headers": {lower-case name: first value},
   "size", "sha256"}, with --full also "data" (as received, dots unstuffed), with --decode also
  "subject", "text", "html" as Python's email package reads them.

Rules are a JSON list, looked at in order, the first that fits acts:
  {"at": "connect"|"ehlo"|"mail"|"rcpt"|"data"|"body"|"dot", "match": REGEX (in the command's line; at
   dot: in the envelope's recipients), "times": N (default: always),
   "code": N, "text": "...",                 reply so and go on
   "drop": true,                             close the connection instead of replying
   "accept": true,                           (at dot) the message enters the ledger first
   "delay_ms": N}                            wait before acting
With --kill, whoever writes "AT PID" into FILE has that process killed (-9) when the server next comes to
AT, before it replies; FILE is removed first. Besides the above AT may be "accepted": after a message
entered the ledger.
With --tls and a certificate (with its key in the same file) it speaks TLS at once or after STARTTLS, and
takes MAIL only so; with --user only after AUTH PLAIN or LOGIN. Entries then have "tls" and "user".
At "body" the connection is dropped after the first 64 KiB or the end of the body, before the dot counts.
"""
import argparse
import asyncio
import base64
import email
import email.policy
import hashlib
import json
import os
import re
import signal
import ssl
import sys


class Rules:
    def __init__(self, path):
        self.rules = json.load(open(path, encoding="utf-8")) if path else []

    def find(self, at, line):
        for rule in self.rules:
            if rule["at"] != at or not re.search(rule.get("match", ""), line):
                continue
            if rule.get("times", 1) <= 0:
                continue
            if "times" in rule:
                rule["times"] -= 1
            return rule
        return None


class Dropped(Exception):
    """The connection ends here."""


class Session:
    def __init__(self, sink, reader, writer):
        self.sink, self.reader, self.writer = sink, reader, writer
        self.mail_from, self.rcpt = None, []
        self.tls, self.user = sink.args.tls == "implicit", ""

    def reply(self, code, text):
        self.writer.write(f"{code} {text}\r\n".encode())

    async def applied(self, at, line, accept=None):
        """Whether a rule has answered in the server's place."""
        self.sink.kill_at(at)
        rule = self.sink.rules.find(at, line)
        if rule is None:
            return False
        if "delay_ms" in rule:
            await asyncio.sleep(rule["delay_ms"] / 1000)
        if rule.get("accept") and accept:
            accept()
        if rule.get("drop"):
            raise Dropped
        if "code" not in rule:
            return False
        self.reply(rule["code"], rule.get("text", "as the rules say"))
        if rule["code"] == 421:
            await self.writer.drain()
            raise Dropped
        return True

    async def run(self):
        if not await self.applied("connect", ""):
            self.reply(220, "sink.example ESMTP")
        while True:
            line = await self.reader.readuntil(b"\r\n")
            text = line[:-2].decode("latin-1")
            verb = text.split(" ")[0].split(":")[0].upper()
            if verb == "QUIT":
                self.reply(221, "bye")
                return
            await self.command(verb, text)

    async def command(self, verb, text):
        if verb in ("EHLO", "HELO"):
            if not await self.applied("ehlo", text):
                extensions = ["8BITMIME"]
                if self.sink.args.tls == "starttls" and not self.tls:
                    extensions.append("STARTTLS")
                if self.sink.args.user and (self.tls or not self.sink.args.tls):
                    extensions.append("AUTH PLAIN LOGIN")
                self.writer.write("".join(f"250-{line}\r\n" for line in ["sink.example", *extensions])
                                  .encode() + b"250 SIZE 35651584\r\n")
        elif verb == "STARTTLS" and self.sink.args.tls == "starttls":
            self.reply(220, "2.0.0 ready")
            await self.writer.drain()
            await self.writer.start_tls(self.sink.tls())
            self.tls = True
        elif verb == "AUTH" and self.sink.args.user:
            await self.authenticate(text.split(" ")[1:])
        elif verb == "MAIL":
            self.rcpt = []
            if self.sink.args.tls and not self.tls:
                self.reply(530, "5.7.0 must issue a STARTTLS command first")
            elif self.sink.args.user and not self.user:
                self.reply(530, "5.7.0 authentication required")
            elif not await self.applied("mail", text):
                self.mail_from = re.search(r"<(.*?)>", text).group(1)
                self.reply(250, "2.1.0 ok")
        elif verb == "RCPT":
            if not await self.applied("rcpt", text):
                self.rcpt.append(re.search(r"<(.*?)>", text).group(1))
                self.reply(250, "2.1.5 ok")
        elif verb == "DATA":
            if not self.rcpt:
                self.reply(503, "5.5.1 no recipients")
            elif not await self.applied("data", text):
                self.reply(354, "go ahead")
                await self.body()
        elif verb in ("RSET", "NOOP"):
            self.reply(250, "ok")
        else:
            self.reply(500, "5.5.2 unknown command")

    async def authenticate(self, words):
        async def ask(prompt):
            self.reply(334, base64.b64encode(prompt).decode())
            return (await self.reader.readuntil(b"\r\n"))[:-2].decode()
        if words[0].upper() == "PLAIN":
            given = words[1] if len(words) > 1 else await ask(b"")
            _, user, password = base64.b64decode(given).decode().split("\0")
        else:
            user = base64.b64decode(words[1] if len(words) > 1 else await ask(b"User")).decode()
            password = base64.b64decode(await ask(b"Password")).decode()
        if (user, password) != (self.sink.args.user, self.sink.args.password):
            return self.reply(535, "5.7.8 authentication failed")
        self.user = user
        self.reply(235, "2.7.0 welcome")

    async def body(self):
        envelope = " ".join(self.rcpt)
        rule = self.sink.rules.find("body", envelope)
        if rule is not None:
            await self.reader.read(65536)
            raise Dropped
        lines = []
        while (line := await self.reader.readuntil(b"\r\n")) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        data = b"".join(lines)
        accepted = lambda: self.sink.record(self.mail_from, self.rcpt, data, self.tls, self.user)
        if await self.applied("dot", envelope, accepted):
            return
        accepted()
        self.sink.kill_at("accepted")
        self.reply(250, f"2.0.0 queued as {self.sink.count}")


class Sink:
    def __init__(self, args):
        self.args = args
        self.rules = Rules(args.rules)
        self.ledger = open(args.ledger, "ab", buffering=0)
        self.count = 0

    def tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.args.certificate)
        return context

    def record(self, mail_from, rcpt, data, tls, user):
        head = data.split(b"\r\n\r\n", 1)[0].decode("latin-1")
        headers = {}
        for field in re.sub(r"\r\n[ \t]+", " ", head).split("\r\n"):
            name, _, value = field.partition(":")
            headers.setdefault(name.lower(), value.strip())
        entry = {"mail_from": mail_from, "rcpt": rcpt,
                 "message_id": headers.get("message-id", "").strip("<>"),
                 "rondo_id": headers.get("x-rondo-id", ""), "headers": headers, "size": len(data),
                 "sha256": hashlib.sha256(data).hexdigest()}
        if self.args.tls or self.args.user:
            entry |= {"tls": tls, "user": user}
        if self.args.full:
            entry["data"] = data.decode("latin-1")
        if self.args.decode:
            message = email.message_from_bytes(data, policy=email.policy.default)
            entry["subject"] = str(message["subject"])
            for kind in ("plain", "html"):
                part = message.get_body((kind,))
                entry["text" if kind == "plain" else kind] = part.get_content() if part else ""
        self.count += 1
        self.ledger.write(json.dumps(entry).encode() + b"\n")

    def kill_at(self, at):
        """Kills whom the kill file names, if it names this place."""
        if not self.args.kill or not os.path.exists(self.args.kill):
            return
        with open(self.args.kill, encoding="ascii") as file:
            words = file.read().split()
        if len(words) == 2 and words[0] == at:
            os.unlink(self.args.kill)
            os.kill(int(words[1]), signal.SIGKILL)

    async def serve(self, reader, writer):
        try:
            await Session(self, reader, writer).run()
        except (Dropped, asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ledger", required=True)
    parser.add_argument("--rules")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--decode", action="store_true")
    parser.add_argument("--kill")
    parser.add_argument("--tls", choices=["starttls", "implicit"])
    parser.add_argument("--certificate")
    parser.add_argument("--user")
    parser.add_argument("--password")
    sink = Sink(parser.parse_args())
    tls = sink.tls() if sink.args.tls == "implicit" else None
    server = await asyncio.start_server(sink.serve, "127.0.0.1", sink.args.port, limit=1 << 20,
                                        ssl=tls)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(0)
