"""Drives a real rondo from outside: its processes, its clock, its command line and its REST door.

The demonstration and the end-to-end tests share this.
"""

import http.client
import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PATIENCE_SECONDS = 300
# A person's; what calls itself nothing but "Mozilla/5.0" is a mail proxy, and counts as a machine.
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


class Failed(Exception):
    """It cannot go on; says what to look at."""

    status = None  # Of the HTTP answer, if that was it.


def start_ticks(pid):
    """When the process began, in ticks since boot: a number that comes again is another process.
    None for one that is not there or has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *rest = stat[stat.rindex(")") + 1:].split()
    return None if state in "ZX" else int(rest[18])


class Processes:
    """What was started, on disk too, so that `--stop` finds it from another shell.

    A line of the file is `PID START NAME`; only what began at START is ever stopped.
    """

    def __init__(self, folder):
        self.file = folder / "pids"

    def start(self, folder, name, command):
        with open(folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True)
        # One that has ended already needs no line.
        if (ticks := start_ticks(process.pid)) is not None:
            with open(self.file, "a", encoding="ascii") as file:
                file.write(f"{process.pid} {ticks} {name}\n")
        return process

    def stop(self):
        if not self.file.exists():
            return
        for line in reversed(self.file.read_text().splitlines()):
            pid, ticks, _ = line.split(maxsplit=2)
            self.end(int(pid), int(ticks))
        self.file.unlink()

    @staticmethod
    def end(pid, ticks):
        """SIGTERM, and SIGKILL after ten seconds, to the process that began at `ticks` alone."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if start_ticks(pid) != ticks:
                return
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return
            for _ in range(200):
                if start_ticks(pid) != ticks:
                    return
                time.sleep(0.05)


class Clock:
    """The 8 bytes that `rondo serve` reads as the time."""

    def __init__(self, path):
        self.path = path
        self.now = None

    def set(self, moment):
        self.now = moment
        with open(self.path, "r+b" if self.path.exists() else "wb") as file:
            file.write(struct.pack("<q", int(moment.timestamp() * 1_000_000)))


class Rest:
    """rondo's REST door, one kept connection."""

    def __init__(self, address):
        self.address = address
        self.connection = http.client.HTTPConnection(address, timeout=60)

    def request(self, method, path, body=None):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        data = json.dumps(body).encode() if body is not None else None
        try:
            self.connection.request(method, path, data, headers)
            answer = self.connection.getresponse()
        except (http.client.HTTPException, ConnectionError):
            self.connection.close()
            self.connection.request(method, path, data, headers)
            answer = self.connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            failed = Failed(f"{method} {path}: {answer.status} {content[:500].decode('utf-8', 'replace')}")
            failed.status = answer.status
            raise failed
        return content

    def json(self, method, path, body=None):
        return json.loads(self.request(method, path, body) or b"{}")


class Deployment:
    """One `rondo serve` with a mail sink and an SMS sink, all on loopback, in one folder.

    Its time is what `clock` says, or the system's where `start_time` is None. With an
    `instance_key` (16 bytes) customers get the same ids, and so the same cells, in every run.
    """

    def __init__(self, rondo, folder, start_time, settings="", instance_key=None):
        self.binary = str(rondo)
        self.folder = Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.processes = Processes(self.folder)
        self.clock = None
        if start_time is not None:
            self.clock = Clock(self.folder / "clock")
            self.clock.set(start_time)
        self.settings = settings
        if instance_key is not None:
            (self.folder / "data").mkdir(exist_ok=True)
            (self.folder / "data" / "instance.key").write_bytes(instance_key)
        self.server = None
        self.rest = None
        self.grpc = None
        self.read = {"mail": 0, "sms": 0}

    def wait_for(self, what, ready, patience=PATIENCE_SECONDS):
        """The first true value of `ready()`."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if self.server is not None and self.server.poll() is not None:
                raise Failed(f"rondo serve ended; see {self.folder / 'serve.log'}")
            if value := ready():
                return value
            time.sleep(0.02)
        raise Failed(f"waited {patience} s for {what}; see {self.folder / 'serve.log'}")

    def start_sinks(self):
        for kind in ("mail", "sms"):
            self.processes.start(self.folder, kind, [sys.executable, str(HERE / "sinks.py"), kind,
                                                     str(self.folder)])
            self.wait_for(f"the {kind} sink", (self.folder / f"{kind}.port").exists)

    def start(self):
        ports = {kind: int((self.folder / f"{kind}.port").read_text()) for kind in ("mail", "sms")}
        config = self.folder / "rondo.yaml"
        lines = [
            f"data: {self.folder / 'data'}", "http: 127.0.0.1:0", "grpc: 127.0.0.1:0",
            f"clock: {self.clock.path if self.clock else 'system'}",
            f"smtp: {{host: 127.0.0.1, port: {ports['mail']}, sessions: 40}}",
            f"sms: {{url: \"http://127.0.0.1:{ports['sms']}/cgi-bin/sendsms\"}}"]
        # A key may stand once; one that `settings` gives is theirs.
        given = tuple(line.split(":")[0] + ":" for line in self.settings.splitlines())
        lines = [line for line in lines if not given or not line.startswith(given)]
        config.write_text("\n".join(lines) + "\n" + self.settings)
        self.server = self.processes.start(self.folder, "serve", [
            self.binary, "serve", "--config", str(config)])
        addresses = self.folder / "data" / "addresses.json"
        self.wait_for("rondo serve", addresses.exists)
        bound = json.loads(addresses.read_text())
        self.rest = Rest(bound["http"])
        self.grpc = bound["grpc"]

    def kill(self):
        """As a crash would: no goodbye."""
        self.server.kill()
        self.server.wait()
        self.server = None
        (self.folder / "data" / "addresses.json").unlink(missing_ok=True)

    def command(self, *words):
        """Runs a command; its standard output. Failed if it does not end with 0."""
        done = self.run(*words)
        if done.returncode != 0:
            raise Failed(f"rondo {' '.join(words)}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def run(self, *words, **options):
        server = ["--server", self.grpc] if self.grpc else []
        return subprocess.run([self.binary, *server, *words], capture_output=True, text=True,
                              **options)

    def cycle(self, campaign, number):
        """The cycle as REST tells it; empty before it began."""
        cycles = self.rest.json("GET", f"/api/v1/campaigns/{campaign}/cycles?pageSize=100")
        for cycle in cycles.get("cycles", []):
            if cycle["number"] == number:
                return cycle
        return {}

    def wait_until_planned(self, campaign, number):
        def planned():
            cycle = self.cycle(campaign, number)
            return cycle if cycle.get("plannedTime") else None
        return self.wait_for(f"cycle {number} of {campaign} to be planned", planned)

    def wait_until_sent(self):
        def idle():
            status = self.rest.json("GET", "/api/v1/delivery:status")
            return not any(int(status.get(k, 0)) for k in ("waiting", "ready", "inFlight"))
        self.wait_for("sending to end", idle)

    def wait_until_closed(self, campaign, number):
        self.wait_for(f"cycle {number} of {campaign} to close",
                      lambda: self.cycle(campaign, number).get("closedTime"))

    def new_messages(self, kind):
        """What came to a sink since the last call: (recipient, body)."""
        path = self.folder / f"{kind}.jsonl"
        if not path.exists():
            return []
        with open(path, encoding="utf-8") as file:
            file.seek(self.read[kind])
            lines = file.readlines()
            self.read[kind] = file.tell()
        return [(entry["to"], entry["body"]) for entry in map(json.loads, lines)]

    def follow(self, url, method="GET", body=None, headers=None):
        """Opens a link of a message as a browser would, without leaving this machine."""
        path = "/" + url.split("/", 3)[3]
        connection = self.rest.connection
        connection.request(method, path, body, {"User-Agent": BROWSER, **(headers or {})})
        answer = connection.getresponse()
        answer.read()
        if answer.status not in (200, 202, 204, 302, 303, 307):
            raise Failed(f"{method} {path}: {answer.status}")

    def ingest(self, events):
        for at in range(0, len(events), 1000):
            answer = self.rest.json("POST", "/api/v1/events:ingest", {"events": events[at:at + 1000]})
            if answer.get("rejected"):
                raise Failed(f"an event was refused: {answer['rejected'][0]}")

    def stop(self):
        self.processes.stop()
