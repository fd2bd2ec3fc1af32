"""The dashboards in real headless Chromium: each figure reads as the API's number."""

import os
import subprocess
from datetime import datetime, timedelta, timezone

import kit

START = datetime(2026, 12, 1, 10, tzinfo=timezone.utc)

MAPPING = """
name: people
keys: ["crm:{row}"]
attributes:
  first_name: {column: name}
  email: "p{row}@example.test"
consents:
  - {channel: email, purpose: marketing, granted: {column: ok, type: bool}}
"""

DEFINITIONS = """
kind: AttributeSet
name: shop
currency: EUR
attributes: [{name: first_name, type: string, pii: true}, {name: email, type: string, pii: true}]
event_types: [{name: purchase, fields: [{name: amount, type: double}]}]
---
kind: Template
name: hello
channel: email
from: Shop <shop@example.test>
subject: "Hello {{ customer.first_name }}"
text: "See https://shop.example/"
html: '<a href="https://shop.example/">See</a>'
---
kind: Policy
name: strict
require_consent: true
---
kind: Campaign
name: hello
currency: EUR
programme: welcome
cells:
  - {name: control, share: 0.3, control: true}
  - {name: mail, share: 0.7, treatment: {channel: email, template: templates/hello, cost: {currency: EUR, amount: "0.05"}}}
goals: [{name: bought, event: purchase, within: 3d, value: e.amount}]
policy: policies/strict
schedule: {start: 2026-12-01T10:00:00Z, time_zone: UTC}
---
kind: Campaign
name: unlaunched
currency: EUR
cells:
  - {name: control, share: 0.3, control: true}
  - {name: mail, share: 0.7, treatment: {channel: email, template: templates/hello}}
goals: [{name: bought, event: purchase, within: 3d}]
"""

PEOPLE = 2000  # Enough for counts above a thousand.


def main():
    with kit.deployment(START - timedelta(days=1)) as deployment:
        kit.apply(deployment, DEFINITIONS)
        people = deployment.folder / "people.csv"
        people.write_text("name,ok\n" + "".join(f"N{i},{str(i % 10 > 0).lower()}\n"
                                                for i in range(1, PEOPLE + 1)))
        kit.import_file(deployment, "customers", people, MAPPING)
        for verb in ("approve", "launch"):
            deployment.command("campaign", verb, "hello")
        deployment.clock.set(START)
        deployment.wait_until_planned("hello", 1)
        deployment.wait_until_sent()
        sent = len(deployment.new_messages("mail"))
        kit.check(1150 < sent < 1370, f"about 1,260 mails, got {sent}")
        deployment.clock.set(START + timedelta(days=1))
        deployment.ingest([kit.event(f"crm:{i}", "purchase", f"r{i}", START + timedelta(hours=i % 20 + 1),
                                     amount=10.0 + i) for i in range(1, PEOPLE + 1, 7)])
        # A change that nobody has approved yet: the list says so.
        kit.apply(deployment, DEFINITIONS.replace("programme: welcome", "programme: welcome-back"))
        screenshots = os.environ.get("RONDO_SCREENSHOTS", str(deployment.folder))
        done = subprocess.run(["node", "e2e/check.mjs", deployment.rest.address, "campaigns/hello",
                               screenshots], cwd=kit.ROOT / "dashboards", capture_output=True,
                              text=True)
        kit.check(done.returncode == 0, done.stdout + done.stderr)
        print(done.stdout.strip())


if __name__ == "__main__":
    kit.run(main)
