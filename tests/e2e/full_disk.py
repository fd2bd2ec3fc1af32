"""A full disk: calls that write are refused with 503, nothing acknowledged is lost, and work resumes
when there is space. The data folder is a small file system in memory, large enough for RocksDB to resume: it waits until a
whole write buffer of each store would fit.
"""

import os
import subprocess
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import kit
from driver import Deployment

DEFINITIONS = """
kind: AttributeSet
name: shop
event_types: [{name: note, fields: [{name: text, type: string}]}]
"""


def ingest(deployment, number):
    """Status of one call with a fat event of its own."""
    event = kit.event("crm:1", "note", f"m{number}", datetime.now(timezone.utc) - timedelta(hours=1),
                      text=os.urandom(30_000).hex())
    try:
        deployment.rest.json("POST", "/api/v1/events:ingest", {"events": [event], "synced": True})
        return 200
    except kit.Failed as failure:
        return failure.status


def timeline(deployment, customer):
    seen, token = set(), ""
    while True:
        page = deployment.rest.json(
            "GET", f"/api/v1/{customer}/timeline?pageSize=1000&pageToken={token}")
        seen |= {e["event"]["messageId"] for e in page.get("entries", []) if "event" in e}
        token = page.get("nextPageToken", "")
        if not token:
            return seen


def main():
    with tempfile.TemporaryDirectory(prefix="rondo-disk-") as folder:
        root = Path(folder) / "small"
        root.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=192m", "tmpfs", str(root)],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            raise kit.Skipped(f"cannot mount a small file system: {mounted.stderr.strip()}")
        try:
            deployment = Deployment(os.environ["RONDO_BINARY"], root, start_time=None)
            try:
                run(deployment, root)
            finally:
                deployment.stop()
        finally:
            subprocess.run(["umount", "-l", str(root)], check=True)


def run(deployment, root):
    deployment.start_sinks()
    deployment.start()
    kit.apply(deployment, DEFINITIONS)
    customers = deployment.rest.json("POST", "/api/v1/customers:import", {
        "rows": [{"row": 1, "keys": [{"namespace": "crm", "value": "1"}]}]})
    kit.equal(int(customers["imported"]), 1, "import")
    name = deployment.rest.json("GET", "/api/v1/customers:lookup?key.namespace=crm&key.value=1")["name"]

    ballast = root / "ballast"
    free = os.statvfs(root).f_bavail * os.statvfs(root).f_frsize
    ballast.write_bytes(b"\0" * max(0, free - 24_000_000))
    acknowledged, refused, number = set(), 0, 0
    while refused < 20 and number < 2000:
        number += 1
        status = ingest(deployment, number)
        if status == 200:
            acknowledged.add(f"m{number}")
        else:
            kit.check(status == 503, f"a full disk answers {status}")
            refused += 1
    kit.equal(refused, 20, f"calls refused after {len(acknowledged)} were taken")
    kit.check(len(acknowledged) > 0, "some were taken before")

    ballast.unlink()
    deadline = time.monotonic() + 30
    while (status := ingest(deployment, number := number + 1)) != 200:
        kit.check(time.monotonic() < deadline, f"30 s after space returned it still answers {status}")
        time.sleep(0.2)
    acknowledged.add(f"m{number}")
    missing = acknowledged - timeline(deployment, name)
    kit.equal(missing, set(), "acknowledged and lost")

    deployment.kill()
    deployment.start()
    missing = acknowledged - timeline(deployment, name)
    kit.equal(missing, set(), "acknowledged and lost after kill -9")
    print(f"{len(acknowledged)} events acknowledged, none lost")


if __name__ == "__main__":
    kit.run(main)
