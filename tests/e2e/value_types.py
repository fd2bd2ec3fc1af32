"""Every type of attribute end to end: declared, imported from CSV, shown, and used in a segment.

One row a type in TYPES: how the attribute is declared, how a mapping reads its column, three customers'
texts (the third has none), what `rondo customer show` says of the first, and rules that choose exactly
the first. A text that is not of the type is refused, with line and column.
"""

import json
from datetime import datetime, timezone

import kit

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)

# name: (declaration, mapping, first's text, second's text, shown, rules, a text that is refused)
TYPES = {
    "nickname": ("{name: nickname, type: string}", "{column: nickname}", "Ann", "Bob",
                 {"string_value": "Ann"}, ["customer.nickname == 'Ann'", "customer.nickname.startsWith('A')"],
                 None),
    "visits": ("{name: visits, type: int}", "{column: visits, type: int}", "42", "-1",
               {"int_value": 42}, ["customer.visits > 41", "customer.visits in [42, 43]"], "4.2"),
    "score": ("{name: score, type: double}", "{column: score, type: double}", "0.75", "1e-3",
              {"double_value": 0.75}, ["customer.score * 2.0 > 1.4"], "much"),
    "member": ("{name: member, type: bool}", "{column: member, type: bool}", "true", "false",
               {"bool_value": True}, ["customer.member"], "perhaps"),
    "seen": ("{name: seen, type: timestamp}",
             "{column: seen, type: timestamp, format: '%Y-%m-%d %H:%M', time_zone: Asia/Seoul}",
             "2026-05-31 09:00", "2025-05-31 09:00", {"timestamp_micros": 1780185600000000},
             ["customer.seen > timestamp('2026-05-30T00:00:00Z')",
              "customer.seen == timestamp('2026-05-31T00:00:00Z')"], "2026-02-30 09:00"),
    "birthday": ("{name: birthday, type: date}", "{column: birthday, type: date, format: '%d.%m.%Y'}",
                 "29.02.2000", "01.01.1970", {"date_days": 11016},
                 ["customer.birthday == timestamp('2000-02-29T00:00:00Z')",
                  "customer.birthday.getMonth() == 1"], "29.02.2001"),
    "budget": ("{name: budget, type: money}", "{column: budget, type: money, currency: EUR}",
               "12.50", "0.01", {"money_value": {"currency_code": "EUR", "minor_units": 1250}},
               ["customer.budget.minor_units > 1000 && customer.budget.currency == 'EUR'"], "12.505"),
    "home": ("{name: home, type: geo_point}", "{value: '{lat},{lon}', type: geo_point}",
             "37.57,126.98", "52.52,13.40", {"geo_point_value": {"latitude": 37.57, "longitude": 126.98}},
             ["geo_distance(customer.home, point(37.5, 127.0)) < 20000.0",
              "customer.home.latitude < 40.0"], "91,0"),
    "interests": ("{name: interests, type: string_list}",
                  "{column: interests, type: string_list, separator: '|'}", "shoes|hats", "books",
                  {"string_list_value": {"values": ["shoes", "hats"]}},
                  ["'hats' in customer.interests", "customer.interests.size() == 2"], None),
    "tier": ("{name: tier, type: code, codes: [gold, silver]}",
             "{column: tier, type: code, map: {G: gold, S: silver}}", "G", "S", {"string_value": "gold"},
             ["customer.tier == 'gold'", "customer.tier in ['gold']"], "bronze"),
    "employer": ("{name: employer, type: reference}", "{column: employer, type: reference}",
                 "customers/00f3c2a9d41b7e60", "customers/00f3c2a9d41b7e61",
                 {"string_value": "customers/00f3c2a9d41b7e60"},
                 ["customer.employer == 'customers/00f3c2a9d41b7e60'"], "ACME"),
}


def cells(name, text):
    """The CSV fields of one value; a place has two columns."""
    return (text.split(",") if text else ["", ""]) if name == "home" else [text]


def csv_of(rows):
    header = ["id"] + [c for name in TYPES for c in (["lat", "lon"] if name == "home" else [name])]
    return "\n".join(",".join(line) for line in [header] + rows) + "\n"


def row(customer, place):
    """A customer with its value of each type: 0 the first's, 1 the second's, 2 none."""
    texts = {name: [of[2], of[3], ""][place] for name, of in TYPES.items()}
    return [customer] + [c for name, text in texts.items() for c in cells(name, text)]


def check_refusals(one, mapping):
    """Each text that is not of its type is refused alone, naming the attribute."""
    bad = {name: of[6] for name, of in TYPES.items() if of[6] is not None}
    rows = []
    for name, text in bad.items():
        line = row(f"bad-{name}", 0)
        at = csv_of([]).strip().split(",").index("lat" if name == "home" else name)
        line[at:at + len(cells(name, text))] = cells(name, text)
        rows.append(line)
    path, rejects = one.folder / "bad.csv", one.folder / "rejects.csv"
    path.write_text(csv_of(rows))
    file = one.folder / "bad.yaml"
    file.write_text(mapping)
    done = one.run("import", "customers", str(path), "--mapping", str(file), "--output", "json",
                   "--rejects", str(rejects))
    kit.equal(done.returncode, 3, f"every row is refused: {done.stderr}")
    summary = json.loads(done.stdout)
    kit.equal((summary["imported"], summary["rejected"]), (0, len(bad)), "refused")
    told = {}
    for line in rejects.read_text().splitlines()[1:]:
        number, _, field, _ = line.split(",", 3)
        told[int(number)] = field.removeprefix("attributes.")
    kit.equal(told, {2 + i: name for i, name in enumerate(bad)}, "which field of which line")


def main():
    declared = "\n".join(f"  - {of[0]}" for of in TYPES.values())
    mapping = "name: types\nkeys: [\"crm:{id}\"]\nattributes:\n" + "\n".join(
        f"  {name}: {of[1]}" for name, of in TYPES.items()) + "\n"
    with kit.deployment(NOW) as one:
        kit.apply(one, f"kind: AttributeSet\nname: all\ncurrency: EUR\nattributes:\n{declared}\n")
        path = one.folder / "customers.csv"
        path.write_text(csv_of([row("1", 0), row("2", 1), row("3", 2)]))
        summary = kit.import_file(one, "customers", path, mapping)
        kit.equal((summary["imported"], summary["rejected"]), (3, 0), "imported")
        again = kit.import_file(one, "customers", path, mapping)
        kit.equal((again["imported"], again["unchanged"]), (0, 3), "imported again")

        shown = json.loads(one.command("customer", "show", "crm:1", "--output", "json"))
        values = {field["name"]: field["value"] for field in shown["attributes"]}
        first = shown["name"]
        for name, of in TYPES.items():
            kit.equal(values.get(name), of[4], f"{name} as shown")
            for rule in of[5]:
                answer = json.loads(one.command("segment", "preview", "--expr", rule, "--output", "json"))
                kit.equal((answer["count"], answer["sample"]), (1, [first]), rule)
        text = one.command("customer", "show", "crm:1")
        for name in TYPES:
            kit.check(name in text, f"the table shows {name}")
        none = json.loads(one.command("customer", "show", "crm:3", "--output", "json"))
        kit.equal(none.get("attributes", []), [], "attributes of whom nothing is told")
        check_refusals(one, mapping)


if __name__ == "__main__":
    kit.run(main)
