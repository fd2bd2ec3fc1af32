"""kill -9 of the whole program at random moments while it takes events: what it acknowledged is there
afterwards, poison among the events harms none of its neighbours, and the state that survived says what
a state rebuilt from the log says.
"""

import http.client
import json
import os
import random
import shutil
import threading
from datetime import datetime, timedelta, timezone

import kit

KILLS = 40 if os.environ.get("RONDO_LONG") else 8
PEOPLE = 60

DEFINITIONS = """
kind: AttributeSet
name: shop
currency: EUR
attributes: [{name: email, type: string, pii: true}]
event_types: [{name: purchase, fields: [{name: amount, type: double}, {name: note, type: string}]}]
---
kind: Policy
name: open
require_consent: false
---
kind: Template
name: hello
channel: email
from: Shop <shop@example.test>
subject: Hello
text: "See https://shop.example/"
---
kind: Campaign
name: hello
currency: EUR
cells:
  - {name: control, share: 0.5, control: true}
  - {name: mail, share: 0.5, treatment: {channel: email, template: templates/hello}}
goals: [{name: bought, event: purchase, within: 3d, value: e.amount}]
policy: policies/open
schedule: {time_zone: UTC}
"""

MAPPING = """
name: people
keys: ["crm:{row}"]
attributes: {email: "p{row}@example.test"}
"""


class Shop:
    """Sends events one call after another until the server dies; knows what was acknowledged."""

    def __init__(self, rng):
        self.rng = rng
        self.number = 0
        self.acknowledged = {}  # By message id: customer and amount.
        self.poisoned = 0

    def call(self, rest):
        events, sent = [], {}
        for _ in range(self.rng.randint(1, 20)):
            self.number += 1
            # Fat ones, so that stores are flushed and merged all the time.
            event = kit.event(f"crm:{self.rng.randint(1, PEOPLE)}", "purchase", f"m{self.number}",
                              datetime.now(timezone.utc) - timedelta(seconds=1),
                              amount=float(self.rng.randint(1, 100)),
                              note=self.rng.randbytes(10_000).hex())
            sent[f"m{self.number}"] = (event["customer"],
                                       event["event"]["fields"][0]["value"]["doubleValue"])
            events.append(event)
        poison = self.rng.random() < 0.2
        if poison:
            events.insert(self.rng.randint(0, len(events)),
                          kit.event("crm:1", "No Such Type", "poison", datetime.now(timezone.utc)))
        answer = rest.json("POST", "/api/v1/events:ingest", {"events": events, "synced": True})
        kit.equal(int(answer.get("accepted", 0)), len(sent), "accepted beside poison")
        kit.equal(len(answer.get("rejected", [])), int(poison), "refused")
        self.acknowledged |= sent
        self.poisoned += poison

    def call_until_it_dies(self, rest, failures):
        try:
            while True:
                self.call(rest)
                if self.rng.random() < 0.05:
                    self.send_garbage(rest)
        except kit.Failed as failure:
            # What it says of our calls is a failure; that nobody answers is what we wait for.
            if getattr(failure, "status", None) != 503:
                failures.append(failure)
        except (OSError, http.client.HTTPException):
            pass

    def send_garbage(self, rest):
        for body in (b"{", b'{"events": "\xff\xfe"}', b'{"events": [{"event": 7}]}',
                     b'{"events": [{"note": "' + b"x" * 10_000_000 + b'"}]}'):
            door = http.client.HTTPConnection(rest.address, timeout=60)
            door.request("POST", "/api/v1/events:ingest", body, {"Content-Type": "application/json"})
            status = door.getresponse().status
            door.close()
            kit.check(status in (400, 413), f"garbage is answered with {status}")


def timeline(rest, customer):
    seen, token = {}, ""
    while True:
        page = rest.json("GET", f"/api/v1/{customer}/timeline?pageSize=1000&pageToken={token}")
        for entry in page.get("entries", []):
            if "event" in entry:
                seen[entry["event"]["messageId"]] = entry["event"]
        token = page.get("nextPageToken", "")
        if not token:
            return seen


def facts(one, names):
    """What the program says, without the moment at which it says it."""
    told = kit.report(one, "hello")
    told.pop("as_of")
    return {"report": told, "timelines": {name: sorted(timeline(one.rest, name)) for name in names}}


def converted(report):
    return round(sum(arm["means"]["bought"] * arm["n"] for arm in report["arms"]))


def main():
    rng = random.Random(20261122)
    shop = Shop(rng)
    with kit.deployment(None) as one:
        kit.apply(one, DEFINITIONS)
        people = one.folder / "people.csv"
        people.write_text("n\n" + "1\n" * PEOPLE)
        kit.import_file(one, "customers", people, MAPPING)
        names = [one.rest.json("GET", f"/api/v1/customers:lookup?key.namespace=crm&key.value={i}")["name"]
                 for i in range(1, PEOPLE + 1)]
        for verb in ("approve", "launch"):
            one.command("campaign", verb, "hello")
        one.wait_until_planned("hello", 1)
        one.wait_until_sent()
        for _ in range(KILLS):
            failures = []
            caller = threading.Thread(target=shop.call_until_it_dies, args=(one.rest, failures))
            caller.start()
            caller.join(timeout=rng.uniform(0.05, 1.5))
            one.kill()
            caller.join()
            kit.equal(failures, [], "calls before the kill")
            one.start()
        kit.check(len(shop.acknowledged) > 20 * KILLS, f"{len(shop.acknowledged)} acknowledged")
        kit.check(shop.poisoned > 0, "no poison was sent")

        told = facts(one, names)
        there = {message for seen in told["timelines"].values() for message in seen}
        kit.equal(set(shop.acknowledged) - there, set(), "acknowledged and lost")
        kit.check("poison" not in there, "what was refused is there")
        bought = {customer for customer, _ in shop.acknowledged.values()}
        kit.eventually(lambda: kit.check(converted(kit.report(one, "hello")) >= len(bought),
                                         "a purchase that was acknowledged does not count"))
        told = facts(one, names)

        one.server.terminate()
        kit.equal(one.server.wait(), 0, "SIGTERM")
        verified = one.run("log", "verify", "--data", str(one.folder / "data"))
        kit.equal(verified.returncode, 0, verified.stderr)
        (one.folder / "data" / "addresses.json").unlink(missing_ok=True)
        shutil.rmtree(one.folder / "data" / "state")
        one.start()
        rebuilt = facts(one, names)
        kit.equal(json.dumps(rebuilt, sort_keys=True), json.dumps(told, sort_keys=True),
                  "a rebuilt state")
        print(f"{KILLS} kills, {len(shop.acknowledged)} events acknowledged, none lost")


if __name__ == "__main__":
    kit.run(main)
