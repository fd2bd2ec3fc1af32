"""README's first five minutes, line by line, in a copy of the examples: what a newcomer types works.

Only the doors' ports are chosen free, and the build is the one under test.
"""

import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import kit

WRAPPER = """#!/bin/bash
if [ "$1" = serve ]; then exec {rondo} "$@" --http 127.0.0.1:0 --grpc 127.0.0.1:0; fi
export RONDO_SERVER=$(sed -E 's/.*"grpc":"([^"]*)".*/\\1/' {folder}/rondo-data/addresses.json)
exec {rondo} "$@"
"""


def commands():
    text = (kit.ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## Five minutes", 1)[1].split("\n## ", 1)[0]
    lines = [line[4:] for line in section.splitlines() if line.startswith("    ")]
    kit.check(any("rondo campaign launch" in line for line in lines), "the section's commands are found")
    built = [line for line in lines if not line.startswith(("./x build", "export PATH="))]
    kit.equal(len(lines) - len(built), 2, "lines about the build")
    return built


def wait_until_planned(folder):
    """As the reader does who asks again."""
    cycles = f"{folder}/bin/rondo campaign cycles winback --output json"
    return f"until {cycles} | grep -q planned_time; do sleep 0.2; done"


def wait_until_sent(folder):
    """As the reader does who asks again."""
    status = f"{folder}/bin/rondo delivery status --output json"
    return (f"until {status} | python3 -c 'import json, sys; s = json.load(sys.stdin); "
            "sys.exit(any(int(s.get(k, 0)) for k in (\"waiting\", \"ready\", \"in_flight\")))'; "
            "do sleep 0.2; done")


def main():
    with tempfile.TemporaryDirectory(prefix="rondo-readme-") as name:
        folder = Path(name)
        shutil.copytree(kit.ROOT / "examples", folder / "examples")
        (folder / "bin").mkdir()
        wrapper = folder / "bin" / "rondo"
        wrapper.write_text(WRAPPER.format(rondo=os.environ["RONDO_BINARY"], folder=folder))
        wrapper.chmod(wrapper.stat().st_mode | stat.S_IEXEC)
        script = ["set -e", "trap 'kill $(jobs -p); wait' EXIT"]
        for line in commands():
            script.append(line)
            if line.startswith("rondo campaign cycles"):
                script.append(wait_until_planned(folder))
            if line.startswith("rondo delivery status"):
                script.append(wait_until_sent(folder))
        done = subprocess.run(["bash", "-c", "\n".join(script)], cwd=folder, capture_output=True,
                              text=True, timeout=280,
                              env={**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"})
        print(done.stdout)
        kit.check(done.returncode == 0, f"exit {done.returncode}: {done.stderr}")
        mails = [json.loads(line) for line in open(folder / "sinks/mail.jsonl", encoding="utf-8")]
        kit.check(len(mails) > 50, f"only {len(mails)} mails went out")
        kit.equal(len({mail["to"] for mail in mails}), len(mails), "a mail each")
        kit.check(re.search(r"\bplanned\b", done.stdout) is not None, "the report shows the funnel")
        kit.check("campaigns/winback" in done.stdout.split("mail.jsonl")[0],
                  "the customer's page shows the contact")


if __name__ == "__main__":
    kit.run(main)
