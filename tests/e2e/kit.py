"""What the end-to-end tests share: a deployment of the real binary, its doors, and plain checks."""

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples" / "demo"))

from driver import Deployment, Failed  # noqa: E402

SKIPPED = 77  # ctest's SKIP_RETURN_CODE.


class Skipped(Exception):
    """The test cannot run here; says why."""


def test_data(name):
    """A file of the public test data, which is not part of the repository."""
    folder = Path(os.environ.get("RONDO_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / name).exists():
        if os.environ.get("CI") == "true":
            raise Failed(f"{folder / name} is missing, and CI=true")
        raise Skipped(f"{folder / name} is missing: set RONDO_TEST_DATA")
    return folder / name


@contextlib.contextmanager
def deployment(start_time, settings=""):
    """A served rondo in a folder of its own; kept, with its logs, if the test fails."""
    folder = Path(tempfile.mkdtemp(prefix="rondo-e2e-"))
    one = Deployment(os.environ["RONDO_BINARY"], folder, start_time, settings)
    try:
        one.start_sinks()
        one.start()
        yield one
    except BaseException:
        print(f"kept: {folder}", file=sys.stderr)
        log = folder / "serve.log"
        if log.exists():
            print("\n".join(log.read_text().splitlines()[-20:]), file=sys.stderr)
        raise
    finally:
        one.stop()
    shutil.rmtree(folder)


def apply(one, documents):
    one.run("config", "explain")
    done = one.run("apply", "-f", "-", input=documents)
    if done.returncode != 0:
        raise Failed(f"apply: {done.stderr}")


def import_file(one, kind, path, mapping, *flags):
    """`rondo import`; its summary."""
    file = one.folder / f"{kind}-{Path(path).name}.yaml"
    file.write_text(mapping)
    return json.loads(one.command("import", kind, str(path), "--mapping", str(file), "--output",
                                  "json", *flags))


def report(one, campaign, cycle=0):
    return json.loads(one.command("campaign", "report", campaign, "--cycle", str(cycle),
                                  "--output", "json"))


def event(customer, kind, message_id, time, **fields):
    """An event as REST takes it; numbers become doubles."""
    values = [{"name": name, "value": {"stringValue": value} if isinstance(value, str)
               else {"doubleValue": value}} for name, value in sorted(fields.items())]
    return {"customer": customer, "event": {
        "type": kind, "messageId": message_id, "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "source": "test", "fields": values}}


def check(condition, message):
    if not condition:
        raise Failed(message)


def equal(got, want, what):
    check(got == want, f"{what}: got {got!r:.500}, want {want!r:.500}")


def close(got, want, tolerance, what):
    check(abs(got - want) <= tolerance, f"{what}: got {got}, want {want} within {tolerance}")


def eventually(checks, seconds=60):
    """Runs `checks` until it raises no Failed: what follows from an event is in a moment later."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return checks()
        except Failed:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def run(main):
    """Runs a test's `main` and ends the process as ctest understands."""
    try:
        main()
    except Skipped as reason:
        print(f"SKIPPED: {reason}", file=sys.stderr)
        sys.exit(SKIPPED)
    except Failed as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        sys.exit(1)
    print("passed")
