"""rondo over Apache Kafka: a campaign through a real broker; kill -9 of rondo loses nothing and mails
nobody twice; a log that is not this folder's, or lacks what was acknowledged, is refused, loudly.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import kit
from driver import Deployment
from kafka_broker import Broker, free_ports

START = datetime(2026, 12, 1, 10, tzinfo=timezone.utc)
PEOPLE = 600
PARTITIONS = 4
CRASHES = 3
OUTAGE_SECONDS = 25  # A call waits for the broker once, 10 s, or is told at once.
IN_DOUBT_MAX = 2 * 40  # Of one crash: a message being sent and one claimed ahead for each session.

MAPPING = """
name: people
keys: ["crm:{row}"]
attributes: {email: "p{row}@example.test"}
"""

DEFINITIONS = """
kind: AttributeSet
name: shop
currency: EUR
attributes: [{name: email, type: string, pii: true}]
event_types: [{name: purchase, fields: [{name: amount, type: double}]}]
---
kind: Template
name: hello
channel: email
from: Shop <shop@example.test>
subject: "Hello"
text: "See https://shop.example/"
---
kind: Policy
name: open
---
kind: Campaign
name: hello
currency: EUR
cells:
  - {name: control, share: 0.25, control: true}
  - {name: mail, share: 0.75, treatment: {channel: email, template: templates/hello}}
goals: [{name: bought, event: purchase, within: 3d, value: e.amount}]
policy: policies/open
schedule: {start: 2026-12-01T10:00:00Z, time_zone: UTC}
"""


def settings(broker, topic="rondo", partitions=PARTITIONS):
    return f"log: kafka://{broker}/{topic}\npartitions: {partitions}\n"


def run(deployment, broker):
    deployment.start_sinks()
    deployment.start()
    kit.apply(deployment, DEFINITIONS)
    people = deployment.folder / "people.csv"
    people.write_text("name\n" + "".join(f"N{i}\n" for i in range(1, PEOPLE + 1)))
    summary = kit.import_file(deployment, "customers", people, MAPPING)
    kit.equal(summary["imported"], PEOPLE, "imported")
    for verb in ("approve", "launch"):
        deployment.command("campaign", verb, "hello")
    deployment.clock.set(START)
    deployment.wait_until_planned("hello", 1)

    mailed = []
    for crash in range(CRASHES):  # While mails go out; what was on its way is then in doubt, not repeated.
        deployment.wait_for("mails", lambda: mailed.extend(deployment.new_messages("mail"))
                            or len(mailed) > 60 * (crash + 1))
        deployment.kill()
        deployment.start()
    deployment.wait_until_sent()
    mailed += deployment.new_messages("mail")
    copies = Counter(to for to, _ in mailed)
    kit.equal([to for to, count in copies.items() if count > 1], [], "mailed twice")

    deployment.clock.set(START + timedelta(days=1))
    buyers = range(1, PEOPLE + 1, 6)
    deployment.ingest([kit.event(f"crm:{i}", "purchase", f"b{i}", START + timedelta(hours=1),
                                 amount=10.0) for i in buyers])
    deployment.kill()
    deployment.start()
    check_report(deployment, len(mailed), len(buyers))
    summary = kit.import_file(deployment, "customers", people, MAPPING)
    kit.equal(summary["unchanged"], PEOPLE, "customers after kill -9")
    outage(deployment, broker)
    print(f"{len(mailed)} mails through {CRASHES + 1} crashes, none twice")


def answer(deployment, method, path, body=None):
    """Status and seconds of one REST call."""
    start = time.monotonic()
    try:
        deployment.rest.json(method, path, body)
        status = 200
    except kit.Failed as failure:
        status = failure.status
    return status, time.monotonic() - start


def outage(deployment, broker):
    """Without a broker calls say 503 in time; with one again they go on, and what was repeated counts once."""
    call = ("POST", "/api/v1/events:ingest", {"events": [
        kit.event("crm:2", "purchase", "outage", START + timedelta(hours=2), amount=1.0)]})
    broker.stop()
    for attempt in (call, ("GET", "/api/v1/customers"), call):
        status, seconds = answer(deployment, *attempt)
        kit.equal(status, 503, f"status of {attempt[1]} without a broker")
        kit.check(seconds < OUTAGE_SECONDS, f"{attempt[1]} without a broker took {seconds:.0f} s")
    broker.start()
    kit.eventually(lambda: kit.equal(answer(deployment, *call)[0], 200, "status with a broker again"))
    shown = json.loads(deployment.command("customer", "show", "crm:2", "--output", "json"))
    kit.equal([entry["event"]["message_id"] for entry in shown["timeline"]
               if entry.get("event", {}).get("type") == "purchase"], ["outage"], "purchases of crm:2")


def check_report(deployment, mailed, buyers):
    def checks():
        report = kit.report(deployment, "hello")
        funnel = report["funnel"]
        treated = funnel["planned"]
        control = next(arm["n"] for arm in report["arms"] if arm["arm"] == "control")
        kit.equal(treated + control, PEOPLE, "planned, with control")
        # In doubt is what a crash left: the sink may have it or not.
        kit.equal(funnel["sent"] + funnel["in_doubt"], treated, "sent or in doubt")
        kit.check(funnel["sent"] <= mailed <= treated,
                  f"{funnel['sent']} sent, {mailed} received, {treated} planned")
        kit.check(funnel["in_doubt"] <= CRASHES * IN_DOUBT_MAX, f"{funnel['in_doubt']} in doubt")
        bought = sum(round(arm["n"] * arm["means"]["bought"]) for arm in report["arms"])
        kit.equal(bought, buyers, "conversions")
    kit.eventually(checks)


def refused(folder, log, status, *needles):
    """`rondo serve` with `log` on `folder` ends by itself with `status` and says `needles`."""
    config = folder.parent / "refused.yaml"
    config.write_text(f"data: {folder}\nhttp: 127.0.0.1:0\ngrpc: 127.0.0.1:0\n{log}")
    done = subprocess.run([os.environ["RONDO_BINARY"], "serve", "--config", str(config)],
                          capture_output=True, text=True, timeout=120)
    kit.equal(done.returncode, status, f"exit of rondo serve with {log!r} ({done.stderr.strip()})")
    for needle in needles:
        kit.check(needle in done.stderr, f"{log!r}: {needle!r} not in {done.stderr!r}")


def refusals(root, data, broker):
    """What must not be served. `data` is the folder of a rondo that has been stopped."""
    here = broker.address
    refused(data, settings(here, partitions=PARTITIONS + 1), 4,
            f"has {PARTITIONS} partitions, not {PARTITIONS + 1}")
    refused(data, settings(here, topic="other"), 4, "belongs to topic rondo of Kafka")
    verify = subprocess.run([os.environ["RONDO_BINARY"], "log", "verify", "--data", str(data)],
                            capture_output=True, text=True)
    kit.check(verify.returncode == 4 and "in Kafka" in verify.stderr, verify.stderr)
    refused(data, "log: embedded\n", 4, "belongs to topic rondo of Kafka")
    refused(data, settings(here) + "target: customer\n", 3, "target: expected `all`")
    fresh = root / "fresh"
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    refused(fresh, settings(nobody), 1, f"no broker answers at {nobody}")
    for _ in range(2):  # The refused start left no key behind that would pass for the right one.
        refused(fresh, settings(here), 4, "topic rondo holds records already", "instance.key")
    broker.stop()
    broker.format()
    broker.start()
    refused(data, settings(here), 1, "topic rondo is gone")


def main():
    root = Path(tempfile.mkdtemp(prefix="rondo-kafka-"))
    broker = Broker(root / "broker")
    try:
        broker.start()
        deployment = Deployment(os.environ["RONDO_BINARY"], root / "served", START - timedelta(days=1),
                                settings(broker.address))
        try:
            run(deployment, broker)
        except BaseException:
            print(f"kept: {root}")
            raise
        finally:
            deployment.stop()
        refusals(root, root / "served" / "data", broker)
    finally:
        broker.stop()
    shutil.rmtree(root)


if __name__ == "__main__":
    kit.run(main)
