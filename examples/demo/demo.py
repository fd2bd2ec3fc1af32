#!/usr/bin/env python3
"""The demonstration: a synthetic retailer runs five cycles of one campaign that learns.

Starts `rondo serve`, a mail sink and an SMS sink on loopback, imports customers, launches the
campaign of retailer.yaml and lets the people of population.py answer, on a clock that this program
moves. Everything goes through the public doors: the command line, REST, SMTP, the tracking links.
"""

import argparse
import email
import email.policy
import json
import os
import random
import re
import shutil
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import population
from driver import Deployment, Failed, Processes

HERE = Path(__file__).resolve().parent
START = datetime(2026, 12, 1, 10, tzinfo=timezone.utc)
CYCLES = 5
EVERY = timedelta(days=7)
WINDOW_DAYS = 5
# Stands in every folder that a demonstration made; no other is stopped or removed.
MARK = ".rondo-demo"


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="./x demo", description="A synthetic retailer's campaign: five cycles that learn.")
    parser.add_argument("--rondo", default="build/release/rondo", help=argparse.SUPPRESS)
    parser.add_argument("--headless", action="store_true", help="stop everything at the end")
    parser.add_argument("--report", metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--seed", type=int, default=1, help="of the people and their chances")
    parser.add_argument("--data", metavar="DIR", default="./rondo-demo", help="where data is kept")
    parser.add_argument("--customers", type=int, default=12_000, help="size of the population")
    parser.add_argument("--stop", action="store_true", help="stop a demonstration left running")
    parser.add_argument("--clean", action="store_true", help="stop it and remove its data")
    return parser.parse_args()


class Demo:
    def __init__(self, arguments):
        self.arguments = arguments
        self.folder = Path(arguments.data).resolve()
        self.rondo = None
        self.people = population.make(arguments.customers, arguments.seed)
        self.by_email = {f"{p.key.lower()}@example.test": p for p in self.people}
        self.by_phone = {self.phone(p): p for p in self.people}
        self.bought = {p.number: [START - timedelta(days=d) for d in p.past] for p in self.people}
        self.consents = {}
        self.contact_cost = {}  # In EUR, by cell: as retailer.yaml says.

    def chance(self, person, moment):
        """Chance's own stream for what this person does at this moment, whoever is asked first."""
        return random.Random(f"{self.arguments.seed}/{person.number}/{moment}")

    @staticmethod
    def phone(person):
        return f"+4915{person.number:08d}"

    # ---- starting ------------------------------------------------------------------------------

    def say(self, text):
        print(text, flush=True)

    def start(self):
        if self.folder.exists() and any(self.folder.iterdir()):
            ours = (self.folder / MARK).exists()
            raise Failed(f"{self.folder} is not empty" + (
                ": ./x demo --clean removes it, --data names another" if ours
                else " and no demonstration's: name another with --data"))
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / MARK).touch()
        # Not secret, as no key of a real instance may be: a seed gives the same run everywhere.
        key = random.Random(f"instance/{self.arguments.seed}").randbytes(16)
        self.rondo = Deployment(self.arguments.rondo, self.folder, START - timedelta(days=1),
                                instance_key=key)
        self.rondo.start_sinks()
        self.rondo.start()

    def import_people(self):
        customers = self.folder / "customers.csv"
        with open(customers, "w", encoding="utf-8") as file:
            file.write("id,first_name,email,phone,country,tier,time_zone,email_ok,sms_ok\n")
            for person in self.people:
                rng = self.chance(person, "consent")
                email_ok, sms_ok = rng.random() < 0.97, rng.random() < 0.95
                self.consents[person.number] = {"mail": email_ok, "sms": sms_ok}
                file.write(f"{person.key},{person.first_name},{person.key.lower()}@example.test,"
                           f"{self.phone(person)},{person.country},{person.tier},"
                           f"{population.ZONES[person.country]},{str(email_ok).lower()},"
                           f"{str(sms_ok).lower()}\n")
        purchases = self.folder / "purchases.csv"
        with open(purchases, "w", encoding="utf-8") as file:
            file.write("id,receipt,time,amount,discount,category\n")
            for person in self.people:
                rng = self.chance(person, "past")
                for number, day in enumerate(person.past):
                    amount, _, category = person.purchase("control", rng)
                    moment = (START - timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%SZ")
                    file.write(f"{person.key},{person.key}-{number},{moment},{amount},0,{category}\n")
        for kind, path in (("customers", customers), ("events", purchases)):
            summary = self.rondo.command("import", kind, str(path), "--mapping",
                                 str(HERE / f"{kind}-mapping.yaml"), "--output", "json")
            counts = json.loads(summary)
            if counts["rejected"]:
                raise Failed(f"import {kind}: {counts['rejected']} rows refused")
            self.say(f"  {counts['imported']:,} rows of {kind} imported")

    # ---- one cycle -----------------------------------------------------------------------------

    def audience(self, now):
        """Whom the segment selects, recomputed from what this program knows."""
        def lapsing(times):
            return (sum(now - timedelta(days=365) < t <= now for t in times) >= 2
                    and not any(now - timedelta(days=7) < t <= now for t in times))
        return [p for p in self.people if lapsing(self.bought[p.number])]

    @staticmethod
    def html_of(body):
        for part in email.message_from_string(body, policy=email.policy.default).walk():
            if part.get_content_type() == "text/html":
                return part.get_content()
        return ""

    def read_mail(self, person, body, buys, rng):
        """A reader opens the mail, maybe clicks, rarely unsubscribes."""
        if buys or rng.random() < 0.05:
            html = self.html_of(body)
            if pixel := re.search(r'src="([^"]*/t/o/[^"]*)"', html):
                self.rondo.follow(pixel.group(1))
            if click := re.search(r'href="([^"]*/t/c/[^"]*)"', html):
                self.rondo.follow(click.group(1))
        elif rng.random() < 0.003:
            unsubscribe = re.search(r"List-Unsubscribe:\s*<(http[^>]*)>",
                                    re.sub(r"\r?\n[ \t]+", " ", body))
            if unsubscribe:
                self.rondo.follow(unsubscribe.group(1), "POST", b"List-Unsubscribe=One-Click",
                                  {"Content-Type": "application/x-www-form-urlencoded"})
                self.consents[person.number]["mail"] = False

    def answer(self, number, due, audience):
        """The people buy, day by day, as their traits and what reached them make them."""
        reached = {}
        bodies = {}
        for kind in ("mail", "sms"):
            people = self.by_email if kind == "mail" else self.by_phone
            for to, body in self.rondo.new_messages(kind):
                person = people[to]
                reached[person.number] = kind
                bodies[person.number] = body
        in_audience = {p.number for p in audience}
        days = [[] for _ in range(WINDOW_DAYS)]
        buyers = set()
        for person in self.people:
            arm = reached.get(person.number, "control")
            chance = person.chance(arm)
            if person.number not in in_audience:
                chance *= 0.5
            rng = self.chance(person, f"cycle {number}")
            if rng.random() >= chance:
                continue
            buyers.add(person.number)
            day = rng.randrange(WINDOW_DAYS)
            days[day].append((person, arm, rng))
        self.rondo.clock.set(due + timedelta(hours=2))
        for person_number, body in bodies.items():
            if reached[person_number] == "mail":
                person = self.people[person_number - 1]
                self.read_mail(person, body, person_number in buyers,
                               self.chance(person, f"mail {number}"))
        for day, purchases in enumerate(days):
            until = due + timedelta(days=day + 1) - timedelta(minutes=1)
            self.rondo.clock.set(until)
            events = []
            for person, arm, rng in purchases:
                moment = until - timedelta(seconds=rng.randrange(60, 20 * 3600))
                amount, discount, category = person.purchase(arm, rng)
                self.bought[person.number].append(moment)
                events.append({"customer": f"crm:{person.key}", "event": {
                    "type": "purchase", "messageId": f"{person.key}-c{number}",
                    "eventTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "source": "shop",
                    "fields": [{"name": "amount", "value": {"doubleValue": amount}},
                               {"name": "category", "value": {"stringValue": category}},
                               {"name": "discount", "value": {"doubleValue": discount}}]}})
            self.rondo.ingest(events)

    def truth(self, audience, planned):
        """(true lift, true incremental profit) of a cycle: over its audience, intention to treat."""
        treated = sum(planned[cell] for cell in planned if cell != "control")
        lift = profit = 0.0
        for arm in ("mail", "sms"):
            share = planned.get(arm, 0) / treated if treated else 0.0
            gain = value = 0.0
            for person in audience:
                if not self.consents[person.number][arm]:
                    continue
                gain += person.chance(arm) - person.chance("control")
                value += (person.expected_value(arm) - person.expected_value("control")
                          - self.contact_cost[arm])
            lift += share * gain / len(audience)
            profit += planned.get(arm, 0) * value / len(audience)
        return lift, profit

    def run_cycle(self, number):
        due = START + (number - 1) * EVERY
        self.rondo.clock.set(due)
        audience = self.audience(due)
        cycle = self.rondo.wait_until_planned("winback", number)
        self.rondo.wait_until_sent()
        planned = {row["cell"]: int(row["count"]) for row in cycle["planned"]}
        targeted = sum(planned.values())
        if targeted != len(audience):
            raise Failed(f"cycle {number} targeted {targeted} people, this program {len(audience)}")
        true_lift, true_profit = self.truth(audience, planned)
        self.answer(number, due, audience)
        self.rondo.clock.set(due + timedelta(days=WINDOW_DAYS, hours=1))
        self.rondo.wait_until_closed("winback", number)
        report = self.rondo.rest.json("GET", f"/api/v1/campaigns/winback/report?cycle={number}")
        return self.figures(number, planned, report, true_lift, true_profit)

    @staticmethod
    def figures(number, planned, report, true_lift, true_profit):
        effect = next(e for e in report["effects"]
                      if e["arm"] == "treated" and e["metric"] == "bought")
        converted = sum(round(mean["mean"] * int(arm["n"])) for arm in report["arms"]
                        if not arm.get("control") for mean in arm["means"]
                        if mean["metric"] == "bought")
        return {
            "cycle": number,
            "audience": sum(planned.values()),
            "control": planned.get("control", 0),
            "sent": int(report["funnel"].get("sent", 0)),
            "conversions": converted,
            "lift": effect.get("difference", 0.0),
            "lift_low": effect.get("low", 0.0),
            "lift_high": effect.get("high", 0.0),
            "true_lift": true_lift,
            "incremental_profit": report.get("incrementalProfitMinorUnits", 0.0) / 100,
            "true_incremental_profit": true_profit,
        }

    # ---- the whole -----------------------------------------------------------------------------

    def run(self):
        began = time.monotonic()
        self.say("rondo demo: a retailer brings back good customers before they are gone")
        self.start()
        self.say(f"  rondo serve at http://{self.rondo.rest.address}, mail and SMS sinks beside it")
        self.rondo.command("apply", "-f", str(HERE / "retailer.yaml"))
        for cell in self.rondo.rest.json("GET", "/api/v1/campaigns/winback")["cells"]:
            cost = cell.get("treatment", {}).get("cost", {})
            self.contact_cost[cell["name"]] = int(cost.get("minorUnits", 0)) / 100
        self.import_people()
        for verb in ("approve", "launch"):
            self.rondo.command("campaign", verb, "winback")
        self.say("\ncycle  audience  control    sent  bought   lift (95% interval)      profit   "
                 "shares mail/sms/control")
        rows = []
        for number in range(1, CYCLES + 1):
            row = self.run_cycle(number)
            rows.append(row)
            shares = {s["cell"]: s.get("share", 0.0) for s in self.rondo.cycle("winback", number)["shares"]}
            self.say(f"{number:5}  {row['audience']:8,}  {row['control']:7,}  {row['sent']:6,}  "
                     f"{row['conversions']:6,}   {row['lift']:+.2%} ({row['lift_low']:+.2%} to "
                     f"{row['lift_high']:+.2%})  {row['incremental_profit']:8,.0f}   "
                     f"{shares.get('mail', 0):.0%}/{shares.get('sms', 0):.0%}/"
                     f"{shares.get('control', 0):.0%}")
        self.say(f"\nprofit that the campaign caused: {rows[0]['incremental_profit']:,.0f} EUR in the "
                 f"first cycle, {rows[-1]['incremental_profit']:,.0f} EUR in the last")
        self.say(f"(took {time.monotonic() - began:.0f} s)")
        if self.arguments.report:
            Path(self.arguments.report).write_text(json.dumps(
                {"seed": self.arguments.seed, "currency": "EUR", "cycles": rows}, indent=2) + "\n")


def stop(folder, clean):
    """Ends what runs in a demonstration's folder, and removes that if `clean`; the exit status."""
    if not folder.exists():
        return 0
    if not (folder / MARK).exists():
        print(f"demo: {folder} is left as it is: no demonstration made it ({MARK} is missing)",
              file=sys.stderr)
        return 1
    Processes(folder).stop()
    if clean:
        shutil.rmtree(folder)
    return 0


def main():
    arguments = parse_arguments()
    folder = Path(arguments.data).resolve()
    if arguments.stop or arguments.clean:
        return stop(folder, arguments.clean)
    if not os.access(arguments.rondo, os.X_OK):
        print(f"demo: {arguments.rondo} is not there: ./x build", file=sys.stderr)
        return 1
    demo = Demo(arguments)
    try:
        demo.run()
    except BaseException as failure:
        if demo.rondo is not None:  # Else the folder is not this run's, nor is what runs in it.
            Processes(folder).stop()
        if not isinstance(failure, Failed):
            raise
        print(f"demo: {failure}", file=sys.stderr)
        return 1
    if arguments.headless:
        Processes(folder).stop()
    else:
        demo.say(f"\nThe dashboards stay up: http://{demo.rondo.rest.address}/   (./x demo --stop ends it)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
