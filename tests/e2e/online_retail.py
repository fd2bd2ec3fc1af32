"""A year of real invoice lines end to end: import, RFM signals, and a segment, against brute force.

The counts are recomputed here from the CSV files with the same definitions, in other code.
"""

import csv
import gzip
import json
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import kit

LONDON = ZoneInfo("Europe/London")
MONTHS = ["2010-12"] + [f"2011-{month:02d}" for month in range(1, 13)]
NOW = datetime(2011, 12, 10, tzinfo=timezone.utc)

DEFINITIONS = """
kind: AttributeSet
name: retail
currency: GBP
attributes:
  - {name: country, type: string}
event_types:
  - {name: purchase, fields: [{name: amount, type: double}, {name: stock_code, type: string}]}
---
kind: Segment
name: lapsing-good
description: Among the best by value or frequency, and not seen for two months
expression: >-
  (signal.rfm.monetary >= 4 || signal.rfm.frequency >= 4) &&
  events('purchase').last('60d').count() == 0 && events('purchase').last('365d').count() >= 2
"""

MAPPING = """
name: retail
keys: ["shop:{CustomerID}"]
where:
  - {column: CustomerID, present: true}
  - {column: InvoiceNo, not_prefix: [C, A]}
  - {column: Quantity, above: 0}
  - {column: UnitPrice, above: 0}
attributes:
  country: {column: Country}
events:
  - type: purchase
    time: {column: InvoiceDate, type: timestamp, format: "%Y-%m-%d %H:%M:%S", time_zone: Europe/London}
    message_id: "{InvoiceNo}-{row}"
    fields:
      amount: {column: UnitPrice, type: double, times: Quantity}
      stock_code: {column: StockCode}
"""


def read_purchases():
    """customer -> [(time, amount)], of the rows that the mapping takes."""
    purchases, paths, taken = defaultdict(list), [], 0
    for month in MONTHS:
        path = kit.test_data(f"online_retail/y2010_2011/{month}.csv.gz")
        paths.append(path)
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if (not row["CustomerID"] or row["InvoiceNo"][0] in "CA"
                        or int(row["Quantity"]) <= 0 or float(row["UnitPrice"]) <= 0):
                    continue
                time = datetime.strptime(row["InvoiceDate"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=LONDON)
                purchases[row["CustomerID"]].append(
                    (time.astimezone(timezone.utc), float(row["UnitPrice"]) * int(row["Quantity"])))
                taken += 1
    return purchases, paths, taken


def ntile(values, bins=5):
    """Scores 1..bins by SQL's NTILE over (value, id); the larger bins first."""
    order = sorted(values)
    size, larger = divmod(len(order), bins)
    scores, at = {}, 0
    for tile in range(1, bins + 1):
        for _ in range(size + (tile <= larger)):
            scores[order[at][1]] = tile
            at += 1
    return scores


def ids_of(deployment, customers):
    """The id of each customer, by which ties are broken."""
    ids = {}
    for customer in customers:
        found = deployment.rest.json("GET", f"/api/v1/customers:lookup?key.namespace=shop&key.value={customer}")
        ids[customer] = found["name"]
    return ids


def main():
    purchases, paths, taken = read_purchases()
    with kit.deployment(NOW) as deployment:
        kit.apply(deployment, DEFINITIONS)
        imported = rows = 0
        for path in paths:
            summary = kit.import_file(deployment, "events", path, MAPPING)
            kit.equal(summary["rejected"], 0, f"rejected of {path.name}")
            imported += summary["imported"]
            rows += summary["rows"]
        kit.equal((rows, imported), (541909, taken), "rows and imported")

        answer = json.loads(deployment.command("segment", "preview", "--expr",
                                               "events('purchase').count() > 0", "--output", "json"))
        kit.equal(answer["count"], len(purchases), "customers with purchases")
        since = NOW - timedelta(days=90)
        want = sum(sum(a for t, a in bought if since < t <= NOW) > 1000 for bought in purchases.values())
        answer = json.loads(deployment.command(
            "segment", "preview", "--output", "json", "--expr",
            "events('purchase').last('90d').sum(e, e.amount) > 1000.0"))
        kit.equal(answer["count"], want, "spent above 1000 in 90 days")

        refreshed = json.loads(deployment.command("signals", "refresh", "--output", "json"))
        kit.equal(refreshed["scored"], len(purchases), "scored")
        ids = ids_of(deployment, purchases)
        days = {c: {t.date() for t, _ in bought} for c, bought in purchases.items()}
        frequency = ntile((len(days[c]), ids[c]) for c in purchases)
        monetary = ntile((round(sum(round(a * 100) for _, a in bought)), ids[c])
                         for c, bought in purchases.items())
        lapsing = 0
        for customer, bought in purchases.items():
            good = frequency[ids[customer]] >= 4 or monetary[ids[customer]] >= 4
            recent = any(NOW - timedelta(days=60) < t <= NOW for t, _ in bought)
            year = sum(NOW - timedelta(days=365) < t <= NOW for t, _ in bought)
            lapsing += good and not recent and year >= 2
        preview = json.loads(deployment.command("segment", "preview", "lapsing-good", "--output", "json"))
        kit.equal(preview["count"], lapsing, "lapsing good customers")
        kit.equal(preview["error_count"], 0, "errors")
        print(f"{lapsing} lapsing good customers of {len(purchases)}")


if __name__ == "__main__":
    kit.run(main)
