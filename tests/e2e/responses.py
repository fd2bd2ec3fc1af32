"""What comes back: receipts of SMS, answers to decisions; and the report of a campaign by segment.

Twelve customers get an SMS; the gateway's receipts come twice and out of order, for some of them bad
ones. Four of the customers are in a segment that the report is broken down by. Then an offer is chosen
for one of them, on both doors, and answered.
"""

import json
from datetime import datetime, timezone

import kit

NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
PEOPLE = range(1, 13)
GOLD = range(1, 5)
# Receipts of each customer, by kind (Kannel): 1 delivered, 2 failed, 4 buffered, 8 accepted, 16 refused.
RECEIPTS = {1: [4, 8, 1], 2: [1, 8, 1], 3: [8, 2], 4: [16, 16], 5: [2, 1], 6: [8], 7: []}

DEFINITIONS = """
kind: AttributeSet
name: shop
currency: EUR
attributes:
  - {name: tier, type: string}
event_types:
  - {name: purchase, fields: [{name: amount, type: double}]}
---
{kind: Segment, name: all, expression: "true"}
---
{kind: Segment, name: gold, expression: "customer.tier == 'gold'"}
---
{kind: Offer, name: ten, title: 10% off, placements: [home], value: {currency: EUR, amount: "5"}}
---
{kind: Template, name: text, channel: sms, from: Shop, text: "10% off"}
---
kind: Campaign
name: text
currency: EUR
audience: {include: [segments/all]}
report_by: [segments/gold]
control: none
no_control_reason: a test of receipts
cells:
  - {name: sms, share: 1.0, treatment: {channel: sms, template: templates/text, offer: offers/ten}}
goals: [{name: bought, event: purchase, within: 2d, value: e.amount}]
"""

MAPPING = """
name: shop
keys: ["crm:{id}", "phone:{phone}"]
attributes: {tier: {column: tier}}
consents: [{channel: sms, purpose: marketing, granted: {value: "true", type: bool}}]
"""


def phone(number):
    return f"+8210123456{number:02d}"


def receive(one):
    """Calls what the messages name as their receipts' address, as an SMS gateway would."""
    addresses = {}
    for line in (one.folder / "sms.jsonl").read_text().splitlines():
        message = json.loads(line)
        addresses[message["to"]] = message["receipt"]
    kit.equal(sorted(addresses), sorted(phone(n) for n in PEOPLE), "messages")
    for number, kinds in RECEIPTS.items():
        for kind in kinds:
            url = addresses[phone(number)].replace("%d", str(kind)).replace("%A", "ACK%2F")
            one.follow(url)
    # Nobody's receipt is answered alike.
    one.follow(addresses[phone(7)].split("?")[0][:-1] + "?type=1")


def check_report(one):
    plain = kit.report(one, "text")
    kit.check("segments" not in plain, "segments only when asked for")
    full = json.loads(one.command("campaign", "report", "text", "--by", "segment", "--output", "json"))
    kit.equal([s["segment"] for s in full["segments"]], ["segments/gold", "segments/all"], "segments")
    funnel = full["funnel"]
    kit.equal((funnel["planned"], funnel["sent"], funnel["delivered"], funnel["bounced"]),
              (12, 12, 9, 3), "all")
    gold = full["segments"][0]["funnel"]
    kit.equal((gold["planned"], gold["sent"], gold["delivered"], gold["bounced"]), (4, 4, 2, 2), "gold")
    kit.equal(full["segments"][1]["funnel"], funnel, "the segment of everybody")


def check_timeline(one):
    shown = json.loads(one.command("customer", "show", "crm:1", "--output", "json"))
    states = [entry["delivery"]["state"] for entry in shown["timeline"] if "delivery" in entry]
    kit.check("delivered" in states, f"delivered in the timeline: {states}")


def check_decisions(one):
    """An offer is chosen by gRPC (the command) and by REST, and answered; the answers move what is
    believed."""
    by_grpc = json.loads(one.command("decide", "crm:1", "home", "--output", "json"))
    kit.equal(by_grpc["propositions"][0]["offer"]["name"], "offers/ten", "offer")
    believed = by_grpc["propositions"][0]["propensity"]
    name = one.rest.json("GET", "/api/v1/customers:lookup?key.namespace=crm&key.value=2")["name"]
    by_rest = one.rest.json("POST", f"/api/v1/{name}:decide", {"placement": "home"})
    for made in (by_grpc, by_rest):
        for answer in ("SHOWN", "CLICKED"):
            one.rest.json("POST", f"/api/v1/{made['decision']}:respond",
                          {"offer": "offers/ten", "response": f"PROPOSITION_RESPONSE_{answer}"})

    def moved():
        again = json.loads(one.command("decide", "crm:3", "home", "--output", "json"))
        kit.check(again["propositions"][0]["propensity"] > believed, "answers move the propensity")
    kit.eventually(moved)


def main():
    with kit.deployment(NOW) as one:
        kit.apply(one, DEFINITIONS)
        path = one.folder / "customers.csv"
        path.write_text("id,phone,tier\n" + "".join(
            f"{n},{phone(n)},{'gold' if n in GOLD else 'silver'}\n" for n in PEOPLE))
        kit.equal(kit.import_file(one, "customers", path, MAPPING)["imported"], len(PEOPLE), "imported")
        one.command("campaign", "approve", "text")
        one.command("campaign", "launch", "text")
        one.wait_until_planned("text", 1)
        one.wait_until_sent()
        receive(one)
        kit.eventually(lambda: check_report(one))
        check_timeline(one)
        check_decisions(one)
        metrics = one.rest.request("GET", "/metrics").decode()
        kit.check("t/receipt" in metrics, "receipts in the metrics")


if __name__ == "__main__":
    kit.run(main)
