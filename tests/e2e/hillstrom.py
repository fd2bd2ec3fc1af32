"""The Hillstrom data end to end: 64,000 real customers of a randomised campaign.

First the past campaign is imported and its report compared with the published figures. Then rondo
runs a campaign of its own at the same people, each in the arm that was recorded, over real SMTP; they
answer as recorded, and the new report must equal the published figures to the last customer.
"""

import csv
import email
import email.policy
import gzip
import json
import math
import re
from datetime import datetime, timedelta, timezone

import kit

DUE = datetime(2008, 3, 20, tzinfo=timezone.utc)
ARMS = {"Mens E-Mail": "mens", "Womens E-Mail": "womens", "No E-Mail": "control"}

# Published by Kevin Hillstrom, 20 March 2008, per arm: customers, visit rate, conversion rate, mean spend.
PUBLISHED = {"mens": (21307, 0.1828, 0.0125, 1.42), "womens": (21387, 0.1514, 0.0088, 1.08),
             "control": (21306, 0.1062, 0.0057, 0.65)}

CUSTOMERS = """
name: hillstrom
keys: ["hillstrom:{row}"]
attributes:
  email: "h{row}@example.test"
  arm: {column: segment, type: code, map: {"Mens E-Mail": mens, "Womens E-Mail": womens, "No E-Mail": control}}
  recency: {column: recency, type: int}
  history: {column: history, type: double}
  zip_code: {column: zip_code, type: code}
consents:
  - {channel: email, purpose: marketing, granted: {value: "true", type: bool}}
"""

HISTORY = """
name: hillstrom-history
keys: ["hillstrom:{row}"]
campaigns:
  - name: hillstrom-2008
    currency: USD
    due: 2008-03-20T00:00:00Z
    cells:
      - {name: control, share: 0.33333, control: true}
      - {name: mens, share: 0.33333, channel: email}
      - {name: womens, share: 0.33334, channel: email}
    goals: [{name: visit, within: 14d}, {name: conversion, within: 14d}]
contacts:
  - campaign: hillstrom-2008
    cell: {column: segment, map: {"Mens E-Mail": mens, "Womens E-Mail": womens, "No E-Mail": control}}
    responses:
      - {goal: visit, when: {column: visit, equals: "1"}, after: 1d}
      - goal: conversion
        when: {column: conversion, equals: "1"}
        after: 2d
        value: {column: spend, currency: USD}
"""

DEFINITIONS = """
kind: AttributeSet
name: hillstrom
currency: USD
attributes:
  - {name: email, type: string, pii: true}
  - {name: arm, type: code, codes: [mens, womens, control]}
  - {name: recency, type: int}
  - {name: history, type: double}
  - {name: zip_code, type: code}
event_types:
  - {name: purchase, fields: [{name: amount, type: double}]}
  - {name: page_view, fields: [{name: page, type: string}]}
---
kind: Segment
name: not-just-bought
description: Everybody who bought nothing in the last three weeks
expression: "events('purchase').last('21d').count() == 0"
---
kind: Template
name: catalogue
channel: email
from: Shop <shop@example.test>
subject: New in our shop
text: "See https://shop.example/new"
html: '<p><a href="https://shop.example/new">New in our shop</a></p>'
---
kind: Campaign
name: again
currency: USD
audience: {include: [segments/not-just-bought]}
assignment: attribute
assignment_attribute: arm
hash_from_cycle: 2
plan_only_from_cycle: 2
cells:
  - {name: control, share: 0.33333, control: true}
  - {name: mens, share: 0.33333, treatment: {channel: email, template: templates/catalogue, cost: {currency: USD, amount: "0.01"}}}
  - {name: womens, share: 0.33334, treatment: {channel: email, template: templates/catalogue, cost: {currency: USD, amount: "0.01"}}}
goals:
  - {name: conversion, event: purchase, within: 14d, value: e.amount}
  - {name: visit, event: page_view, within: 14d}
schedule: {start: 2008-03-20T00:00:00Z, time_zone: UTC, repeat: {every: 21d, cycles: 2}}
learning: {allocate: thompson, control_floor: 0.1, cell_floor: 0.1}
"""


def read_people():
    path = kit.test_data("hillstrom/hillstrom.csv.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return path, [{**row, "row": number, "arm": ARMS[row["segment"]]}
                      for number, row in enumerate(csv.DictReader(file), start=1)]


def expected_arms(people):
    """Per arm, recomputed from the file: n, visits, conversions, spends in cents."""
    arms = {}
    for person in people:
        arm = arms.setdefault(person["arm"], {"n": 0, "visit": 0, "conversion": 0, "cents": []})
        arm["n"] += 1
        arm["visit"] += person["visit"] == "1"
        arm["conversion"] += person["conversion"] == "1"
        arm["cents"].append(round(float(person["spend"]) * 100))
    for name, (n, visit, conversion, spend) in PUBLISHED.items():
        arm = arms[name]
        kit.equal(arm["n"], n, f"{name} n")
        kit.close(arm["visit"] / n, visit, 1e-4, f"{name} visit")
        kit.close(arm["conversion"] / n, conversion, 1e-4, f"{name} conversion")
        kit.close(sum(arm["cents"]) / 100 / n, spend, 1e-2, f"{name} spend")
    return arms


def check_report(report, arms, where):
    """Arms and effects equal what the file says, to the last customer and cent."""
    kit.equal({a["arm"]: a["n"] for a in report["arms"]}, {k: v["n"] for k, v in arms.items()}, where)
    for shown in report["arms"]:
        arm, n = arms[shown["arm"]], shown["n"]
        kit.equal(round(shown["means"]["visit"] * n), arm["visit"], f"{where} visits")
        kit.equal(round(shown["means"]["conversion"] * n), arm["conversion"], f"{where} conversions")
        kit.equal(round(shown["means"]["conversion.value"] * n * 100), sum(arm["cents"]),
                  f"{where} spend of {shown['arm']}")
    effects = {(e["arm"], e["metric"]): e for e in report["effects"]}
    control = arms["control"]
    for name in ("mens", "womens"):
        for metric in ("visit", "conversion"):
            p, q = arms[name][metric] / arms[name]["n"], control[metric] / control["n"]
            error = math.sqrt(p * (1 - p) / arms[name]["n"] + q * (1 - q) / control["n"])
            effect = effects[name, metric]
            kit.close(effect["difference"], p - q, 1e-9, f"{where} {name} {metric}")
            kit.close(effect["low"], p - q - 1.959963984540054 * error, 1e-6, f"{where} low")
            kit.close(effect["high"], p - q + 1.959963984540054 * error, 1e-6, f"{where} high")
            kit.check(effect["p_value"] < 0.01, f"{where} {name} {metric} p {effect['p_value']}")
        means = [sum(arms[a]["cents"]) / 100 / arms[a]["n"] for a in (name, "control")]
        kit.close(effects[name, "conversion.value"]["difference"], means[0] - means[1], 1e-9,
                  f"{where} {name} spend")
    kit.check(report["srm_p_value"] > 0.5, f"{where}: a fair split, p {report['srm_p_value']}")


def answer(deployment, people):
    """Recipients click when they visited; visits and purchases follow as recorded."""
    bodies = {to: body for to, body in deployment.new_messages("mail")}
    treated = [p for p in people if p["arm"] != "control"]
    kit.equal(set(bodies), {f"h{p['row']}@example.test" for p in treated}, "recipients")
    deployment.clock.set(DUE + timedelta(days=1))
    for person in treated:
        if person["visit"] == "1":
            message = email.message_from_string(bodies[f"h{person['row']}@example.test"],
                                                policy=email.policy.default)
            html = message.get_body(("html",)).get_content()
            deployment.follow(re.search(r'href="([^"]*/t/c/[^"]*)"', html).group(1))
    events = []
    for person in people:
        who = f"hillstrom:{person['row']}"
        if person["visit"] == "1":
            events.append(kit.event(who, "page_view", f"v{person['row']}", DUE + timedelta(hours=20)))
        if person["conversion"] == "1":
            events.append(kit.event(who, "purchase", f"p{person['row']}", DUE + timedelta(hours=21),
                                    amount=float(person["spend"])))
    deployment.ingest(events)


def main():
    path, people = read_people()
    arms = expected_arms(people)
    with kit.deployment(DUE - timedelta(days=2)) as deployment:
        kit.apply(deployment, DEFINITIONS)
        summary = kit.import_file(deployment, "customers", path, CUSTOMERS)
        kit.equal(summary, {"rows": 64000, "imported": 64000, "unchanged": 0, "rejected": 0}, "import")
        kit.import_file(deployment, "campaign-history", path, HISTORY)
        kit.eventually(lambda: check_report(kit.report(deployment, "hillstrom-2008", 1), arms,
                                            "past campaign"))

        for verb in ("approve", "launch"):
            deployment.command("campaign", verb, "again")
        deployment.clock.set(DUE)
        first = deployment.wait_until_planned("again", 1)
        deployment.wait_until_sent()
        answer(deployment, people)
        kit.eventually(lambda: check_report(kit.report(deployment, "again", 1), arms, "own campaign"))
        report = kit.report(deployment, "again", 1)
        visits = sum(arms[a]["visit"] for a in ("mens", "womens"))
        kit.equal(report["funnel"]["sent"], 21307 + 21387, "sent")
        kit.equal(report["funnel"]["clicked"] + report["funnel"]["clicked_machine"], visits, "clicked")

        deployment.clock.set(DUE + timedelta(days=14, hours=1))
        deployment.wait_until_closed("again", 1)
        deployment.clock.set(DUE + timedelta(days=21))
        second = deployment.wait_until_planned("again", 2)
        deployment.wait_until_sent()
        kit.equal(deployment.new_messages("mail"), [], "cycle two is only planned")
        buyers = sum(arm["conversion"] for arm in arms.values())
        kit.equal(int(second["targeted"]), 64000 - buyers, "target of cycle two")
        shares = [{s["cell"]: s["share"] for s in c["shares"]} for c in (first, second)]
        kit.check(shares[0] != shares[1], f"shares did not move: {shares[1]}")
        kit.check(len(second.get("reasons", [])) > 0, "cycle two says why")
        print(json.dumps({"shares": shares[1], "reasons": second["reasons"]}, indent=1))


if __name__ == "__main__":
    kit.run(main)
