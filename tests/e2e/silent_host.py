"""A mail host that accepts connections and never says a word holds up nobody's SMS.

Two hundred and forty people, half of them get a mail, half of them an SMS. The mail server takes every
connection and is silent; more mails are due than may be in flight at once.
"""

import contextlib
import socket
import threading
from datetime import datetime, timezone

import kit

NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
PEOPLE = 240

DEFINITIONS = """
kind: AttributeSet
name: shop
currency: KRW
event_types:
  - {name: purchase, fields: [{name: amount, type: double}]}
---
{kind: Segment, name: all, expression: "true"}
---
{kind: Template, name: mail, channel: email, from: shop@example.com, subject: Hello, text: Hello}
---
{kind: Template, name: text, channel: sms, from: Shop, text: Hello}
---
kind: Campaign
name: both
currency: KRW
purpose: newsletter
audience: {include: [segments/all]}
control: none
no_control_reason: a test of channels
cells:
  - {name: mail, share: 0.5, treatment: {channel: email, template: templates/mail}}
  - {name: sms, share: 0.5, treatment: {channel: sms, template: templates/text}}
goals: [{name: bought, event: purchase, within: 2d, value: e.amount}]
"""

MAPPING = """
name: shop
keys: ["crm:{id}", "phone:{phone}", "email:{email}"]
consents: [{channel: "*", purpose: newsletter, granted: {value: "true", type: bool}}]
"""


@contextlib.contextmanager
def silent_host():
    """Its port, and the connections that it took."""
    taken = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        def accept():
            with contextlib.suppress(OSError):
                while True:
                    taken.append(server.accept()[0])
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1], taken
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in taken:
                connection.close()


def main():
    with silent_host() as (port, taken), kit.deployment(NOW, f"smtp: {{port: {port}}}\n") as one:
        kit.apply(one, DEFINITIONS)
        kit.check("purpose: newsletter" in one.command("export", "campaigns/both"),
                  "the purpose is exported")
        path = one.folder / "customers.csv"
        path.write_text("id,phone,email\n" + "".join(
            f"{n},+8210123{n:05d},c{n}@example.org\n" for n in range(PEOPLE)))
        kit.equal(kit.import_file(one, "customers", path, MAPPING)["imported"], PEOPLE, "imported")
        one.command("campaign", "approve", "both")
        one.command("campaign", "launch", "both")
        one.wait_until_planned("both", 1)
        arms = {arm["arm"]: arm["n"] for arm in kit.report(one, "both")["arms"]}
        kit.check(arms["mail"] > 80, f"more mails than may be in flight: {arms}")

        def all_texts_went_out():
            ledger = one.folder / "sms.jsonl"
            lines = ledger.read_text().splitlines() if ledger.exists() else []
            kit.equal(len(lines), arms["sms"], "messages")
            kit.equal(kit.report(one, "both")["funnel"]["sent"], arms["sms"], "sent")
        kit.eventually(all_texts_went_out)
        kit.check(taken, "the mail host was asked")


if __name__ == "__main__":
    kit.run(main)
