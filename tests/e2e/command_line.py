"""The command line as it is promised: exit statuses, table and JSON, inputs packed or piped, names of
customers, the addresses file, and the doors' own pages.
"""

import fcntl
import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

import kit

START = datetime(2026, 12, 1, 10, tzinfo=timezone.utc)
DONE, FAILED, USAGE, REFUSED, WRONG_STATE, INTERRUPTED = 0, 1, 2, 3, 4, 130

DEFINITIONS = """
kind: AttributeSet
name: shop
currency: EUR
attributes:
  - {name: email, type: string, pii: true}
  - {name: tier, type: code, codes: [gold, silver]}
  - {name: country, type: string}
event_types: [{name: purchase, fields: [{name: amount, type: double}]}]
---
kind: Segment
name: golden
expression: customer.tier == 'gold'
---
kind: Template
name: hello
channel: email
from: Shop <shop@example.test>
subject: Hello
text: "See https://shop.example/"
---
kind: Policy
name: open
---
kind: Offer
name: ten
title: Ten percent
placements: [home]
---
kind: Campaign
name: hello
currency: EUR
cells:
  - {name: control, share: 0.5, control: true}
  - {name: mail, share: 0.5, treatment: {channel: email, template: templates/hello}}
goals: [{name: bought, event: purchase, within: 3d, value: e.amount}]
policy: policies/open
schedule: {start: 2026-12-01T10:00:00Z, time_zone: UTC}
"""

MAPPING = """
name: people
keys: ["crm:{row}", "email:p{row}@example.test"]
attributes: {email: "p{row}@example.test", tier: {column: tier}, country: {column: country}}
"""

PROXY = "rondo.shop.test"

FUNNEL = ["planned", "suppressed", "sent", "in_doubt", "delivered", "bounced", "opened",
          "opened_machine", "clicked", "clicked_machine", "converted", "unsubscribed", "complained"]
REPORT = ["campaign", "cycle", "as_of", "currency", "funnel", "arms", "effects", "srm_p_value",
          "warnings"]


def ends(one, status, *words, **options):
    """Runs a command that must end with `status`; messages are on standard error."""
    done = one.run(*words, **options)
    kit.equal(done.returncode, status, f"exit of rondo {' '.join(words)} ({done.stderr.strip()[:300]})")
    kit.equal(bool(done.stderr.strip()), status not in (DONE,), f"a message of rondo {' '.join(words)}")
    return done.stdout


def check_statuses(one):
    ends(one, USAGE, "customer", "show")
    ends(one, USAGE, "campaign", "list", "--output", "xml")
    ends(one, USAGE, "segment", "preview")
    ends(one, USAGE, "rules", "eval")
    ends(one, REFUSED, "rules", "fmt", "--expr", "a &&")
    ends(one, REFUSED, "customer", "show", "crm4711")
    ends(one, WRONG_STATE, "customer", "show", "crm:4711")
    ends(one, USAGE, "customer", "erase", "crm:4711")
    ends(one, USAGE, "log", "repair", "--data", str(one.folder / "none"))
    named = one.run("apply", "-f", "-", input="kind: Offer\nname: ten_percent\ntitle: Ten\n")
    kit.equal(named.returncode, REFUSED, named.stderr)
    kit.check(":2:7: name: expected 1 to 63" in named.stderr, named.stderr)
    ends(one, WRONG_STATE, "campaign", "resume", "hello")
    nobody = subprocess.run([one.binary, "campaign", "list"], capture_output=True, text=True,
                            env={**os.environ, "RONDO_SERVER": "127.0.0.1:1"})
    kit.equal(nobody.returncode, FAILED, "without a server")
    kit.check("127.0.0.1:1" in nobody.stderr and "rondo serve" in nobody.stderr, nobody.stderr)
    named = subprocess.run([one.binary, "campaign", "list"], capture_output=True, text=True,
                           env={**os.environ, "RONDO_SERVER": one.grpc})
    kit.equal(named.returncode, DONE, f"RONDO_SERVER ({named.stderr})")
    # What a library throws of is an answer too.
    ends(one, FAILED, "apply", "-f", "x" * 5000)
    path = os.fsencode(one.folder) + b"/not-\xff.yaml"
    with open(path, "wb") as file:
        file.write(b"http: 127.0.0.1:0\n")
    done = subprocess.run([one.binary, "config", "check", path, "--output", "json"], capture_output=True)
    kit.equal((done.returncode, json.loads(done.stdout)["ok"]), (DONE, True), "a name not in UTF-8")


def check_interrupted(one):
    """An import that waits for its input ends with 130 and says nothing."""
    mapping = one.folder / "waits.yaml"
    mapping.write_text("name: waits\nkeys: ['waits:{row}']\nattributes: {country: {column: country}}\n")
    waiting = subprocess.Popen([one.binary, "--server", one.grpc, "import", "customers", "-",
                                "--mapping", str(mapping)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # It reads: 64 KiB fill the pipe, so that more can only follow when it has taken some.
    waiting.stdin.write(b"tier,country\n" + b"gold,KR\n" * 20_000)
    waiting.stdin.flush()
    waiting.send_signal(signal.SIGINT)
    waiting.communicate(timeout=60)
    kit.equal(waiting.returncode, INTERRUPTED, "exit of an interrupted import")


def check_interrupted_start(one):
    """`rondo serve` ends at once while it starts, and the next start finds nothing harmed."""
    folder = one.folder / "starts"
    for number in (signal.SIGTERM, signal.SIGINT):
        with socket.socket() as broker:  # One that never answers.
            broker.bind(("127.0.0.1", 0))
            broker.listen()
            broker.settimeout(60)
            port = broker.getsockname()[1]
            serve = subprocess.Popen([one.binary, "serve", "--data", str(folder), "--http", "127.0.0.1:0",
                                      "--grpc", "127.0.0.1:0", "--log", f"kafka://127.0.0.1:{port}/t"],
                                     stderr=subprocess.PIPE, text=True)
            with broker.accept()[0]:
                serve.send_signal(number)
                said = serve.communicate(timeout=60)[1]
        kit.equal(serve.returncode, INTERRUPTED, f"exit of an interrupted start ({said})")
        kit.check("before it was ready" in said, said)
    counted = json.loads(ends(one, DONE, "segment", "preview", "golden", "--output", "json"))["count"]
    one.kill()
    state = one.folder / "data" / "state"
    shutil.rmtree(state)
    serve = subprocess.Popen([one.binary, "serve", "--config", str(one.folder / "rondo.yaml")],
                             stderr=subprocess.DEVNULL)
    one.wait_for("the start of a rebuild", state.exists)
    serve.send_signal(signal.SIGTERM)
    # Before it was ready, or after, as fast as it was.
    kit.check(serve.wait(timeout=60) in (INTERRUPTED, DONE), serve.returncode)
    (one.folder / "data" / "addresses.json").unlink(missing_ok=True)
    one.start()
    again = json.loads(ends(one, DONE, "segment", "preview", "golden", "--output", "json"))["count"]
    kit.equal(again, counted, "customers after a rebuild that was interrupted")


def packed(one, text):
    """The text as a file in each form that input files may have; `-` is piped."""
    plain = one.folder / "people.csv"
    plain.write_text(text)
    gz = one.folder / "people.csv.gz"
    gz.write_bytes(gzip.compress(text.encode()))
    forms = [str(plain), str(gz)]
    if shutil.which("zstd"):
        subprocess.run(["zstd", "-q", "-f", str(plain), "-o", str(plain) + ".zst"], check=True)
        forms.append(str(plain) + ".zst")
    return forms


def check_imports(one):
    text = "tier,country\n" + "".join(f"{'gold' if i % 4 == 0 else 'silver'},{'KR' if i % 2 else 'DE'}\n"
                                      for i in range(1, 201))
    mapping = one.folder / "people.yaml"
    mapping.write_text(MAPPING)
    words = ["--mapping", str(mapping), "--output", "json"]
    for number, path in enumerate(packed(one, text)):
        summary = json.loads(ends(one, DONE, "import", "customers", path, *words))
        kit.equal(list(summary), ["rows", "imported", "unchanged", "rejected"], "summary's fields")
        kit.equal(summary["imported" if number == 0 else "unchanged"], 200, f"{path}: {summary}")
    summary = json.loads(ends(one, DONE, "import", "customers", "-", *words, input=text))
    kit.equal(summary["unchanged"], 200, f"standard input: {summary}")
    ends(one, REFUSED, "import", "events", str(one.folder / "people.csv"), *words)
    for other in ("people.csv", "people.yaml", "people.csv.progress"):
        before = (one.folder / "people.csv").read_text(), mapping.read_text()
        ends(one, USAGE, "import", "customers", str(one.folder / "people.csv"), *words,
             "--rejects", str(one.folder / "." / other))
        kit.equal((before), ((one.folder / "people.csv").read_text(), mapping.read_text()), other)
    ends(one, USAGE, "import", "customers", "-", *words, "--resume", input=text)
    ends(one, REFUSED, "import", "customers", str(one.folder), *words)
    with open(one.folder / "people.csv") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # As another import of it does.
        ends(one, WRONG_STATE, "import", "customers", str(one.folder / "people.csv"), *words)
    unknown = one.folder / "unknown.yaml"
    unknown.write_text(MAPPING.replace("attributes: {", "attributes: {size: {column: tier}, "))
    done = one.run("import", "customers", str(one.folder / "people.csv"), "--mapping", str(unknown))
    kit.equal(done.returncode, REFUSED, done.stderr)
    kit.check("attributes.size" in done.stderr and "rows" not in done.stdout, done.stderr)
    nobody = one.run("import", "customers", "-", *words, input="tier,country\nlead,KR\ntin,KR\n")
    kit.equal(nobody.returncode, REFUSED, "an import of which every row is refused")
    kit.check("line 3: " in nobody.stderr and "tier" in nobody.stderr, nobody.stderr)


def check_apply(one):
    path = one.folder / "shop.yaml"
    path.write_text(DEFINITIONS)
    plan = json.loads(ends(one, DONE, "apply", "-f", str(path), "--dry-run", "--output", "json"))
    kit.equal(plan["dry_run"], True, plan)
    kit.equal({c["action"] for c in plan["changes"]}, {"create"}, plan)
    gz = one.folder / "shop.yaml.gz"
    gz.write_bytes(gzip.compress(DEFINITIONS.encode()))
    kit.apply(one, DEFINITIONS)
    again = json.loads(ends(one, DONE, "apply", "-f", str(gz), "--output", "json"))
    kit.equal({c["action"] for c in again["changes"]}, {"unchanged"}, again)
    exported = ends(one, DONE, "export")
    kit.check("unchanged" in ends(one, DONE, "apply", "-f", "-", "--output", "json", input=exported)
              and exported.count("kind:") == 6, exported)
    lines = [json.loads(line) for line in ends(one, DONE, "export", "--output", "json").splitlines()]
    kit.equal(sorted(line["name"] for line in lines),
              ["attributeSets/shop", "campaigns/hello", "offers/ten", "policies/open", "segments/golden",
               "templates/hello"], "export in JSON")
    kit.equal(json.loads(ends(one, DONE, "template", "list"))["name"], "templates/hello", "template list")
    kit.equal(json.loads(ends(one, DONE, "template", "show", "hello"))["subject"], "Hello", "template show")
    kit.check(ends(one, DONE, "template", "list", "--output", "table").startswith("NAME"), "a table")
    shown = ends(one, DONE, "campaign", "show", "hello")
    kit.check(shown.startswith("# draft, cycle 0, version 1\nkind: Campaign\n"), shown)
    same = json.loads(ends(one, DONE, "apply", "-f", "-", "--output", "json", input=shown))
    kit.equal([c["action"] for c in same["changes"]], ["unchanged"], "a shown campaign")
    two = ends(one, DONE, "export", "segments/golden,offers/ten")
    kit.equal(two, ends(one, DONE, "export", "segments/golden", "offers/ten"), "commas and repetition")
    for noun in ("segment", "offer", "policy", "attributes", "template", "campaign"):
        rows = ends(one, DONE, noun, "list", "--output", "json").splitlines()
        kit.equal(len(rows), 1, f"{noun} list")
        name = json.loads(rows[0])["name"]
        kit.check(isinstance(json.loads(ends(one, DONE, noun, "show", name, "--output", "json")), dict),
                  f"{noun} show")


HALVES = """
kind: Segment
name: half1
expression: customer.tier == 'gold'
---
kind: Segment
name: half2
expression: customer.{} == 'gold'
---
kind: Segment
name: half3
expression: customer.tier == 'silver'
"""

FEW_SHARES = """
kind: Campaign
name: unfair
currency: EUR
audience: {include: [segments/golden]}
cells:
  - {name: control, share: 0.5, control: true}
  - {name: mail, share: 0.2, treatment: {channel: email, template: templates/hello}}
goals: [{name: bought, event: purchase, within: 3d, value: e.amount}]
policy: policies/open
schedule: {start: 2026-12-01T10:00:00Z, time_zone: UTC}
"""

NEW_SET = """
kind: AttributeSet
name: pets
attributes: [{name: pet, type: string}]
---
kind: Segment
name: dogs
expression: in_segment('pets') && customer.pet == 'dog'
---
kind: Segment
name: pets
expression: customer.pet != ''
"""


def check_apply_is_checked_first(one):
    """The server checks all before the first write; what was and was not written is said."""
    def refused(text, *words):
        done = one.run("apply", "-f", "-", *words, input=text)
        kit.equal(done.returncode, REFUSED, done.stderr)
        return done.stderr

    def segments():
        rows = ends(one, DONE, "segment", "list", "--output", "json").splitlines()
        return sorted(json.loads(row)["name"].removeprefix("segments/") for row in rows)
    for words in (["--dry-run"], []):
        said = refused(HALVES.format("nope"), *words)
        kit.check("-:6: segments/half2" in said and "nope" in said and "half1:" not in said, said)
        kit.equal(segments(), ["golden"], "segments after a refused apply")
        refused(FEW_SHARES, *words)
    # Refused only once the set is in that it needs.
    plan = json.loads(ends(one, DONE, "apply", "-f", "-", "--dry-run", "--output", "json", input=NEW_SET))
    kit.equal([len(c.get("checked_when_applied_needs", [])) for c in plan["changes"]], [0, 2, 1], plan)
    said = refused(NEW_SET.replace("'dog'", "7"))
    kit.check("written: attributeSets/pets\n" in said and "not written: segments/dogs, segments/pets" in said
              or "written: attributeSets/pets, segments/pets\nnot written: segments/dogs" in said, said)
    one_plan = one.run("apply", "-f", "-", "--output", "json", input=NEW_SET)
    kit.equal(one_plan.returncode, DONE, one_plan.stderr)
    kit.equal(segments(), ["dogs", "golden", "pets"], "segments that need each other")


LIKES = """
name: likes
keys: ["crm:{id}"]
attributes: {favourite: {column: likes}}
"""


def check_code_lists(one):
    """Codes that stand under each other, from definition to count; what rules name stays."""
    goods = str(kit.ROOT / "examples" / "goods")
    plan = json.loads(ends(one, DONE, "apply", "-f", goods, "--dry-run", "--output", "json"))
    kit.equal([c["name"] for c in plan["changes"]],
              ["codeLists/goods", "attributeSets/groceries", "segments/eaters"], "the order of kinds")
    ends(one, DONE, "apply", "-f", goods, "--output", "json")
    exported = ends(one, DONE, "export", "codeLists/goods")
    mapping = one.folder / "likes.yaml"
    mapping.write_text(LIKES)
    likes = one.run("import", "customers", "-", "--mapping", str(mapping), "--output", "json",
                    input="id,likes\n1,APPLES\n2,FOOD\n3,TOOLS\n4,BRAED\n")
    kit.equal(json.loads(likes.stdout)["rejected"], 1, likes.stderr)
    one.ingest([kit.event("crm:3", "article_bought", "a1", START - timedelta(days=2), article="APPLES")])

    def count(*words):
        return json.loads(ends(one, DONE, "segment", "preview", *words, "--output", "json"))["count"]
    kit.eventually(lambda: kit.equal(count("eaters"), 3, "eaters"))
    kit.equal(count("--expr", "customer.favourite.under('FRUIT')"), 1, "who likes fruit")
    kit.check("did you mean `BREAD`?" in one.run("segment", "preview", "--expr",
                                                 "customer.favourite == 'BRAED'").stderr, "a misspelled code")
    # Rules follow the list.
    moved = exported.replace("code: APPLES, parent: FRUIT", "code: APPLES, parent: HOME")
    ends(one, DONE, "apply", "-f", "-", "--output", "json", input=moved)
    kit.equal(count("eaters"), 1, "eaters, where apples are no fruit")
    for code, user in (("FRUIT", "segments/eaters"), ("APPLES", None)):
        gone = exported.replace(code, code + "S")
        done = one.run("apply", "-f", "-", input=gone)
        kit.equal(done.returncode, WRONG_STATE if user else DONE, done.stderr)
        kit.check(user is None or user in done.stderr, done.stderr)
    ends(one, DONE, "rollback", "codeLists/goods", "--to", "1")
    kit.equal(ends(one, DONE, "export", "codeLists/goods"), exported, "a rolled back list")
    circle = exported.replace("code: FOOD", "parent: FRUIT, code: FOOD")
    said = one.run("apply", "-f", "-", input=circle).stderr
    kit.check("code_list.codes[0].parent" in said and "circle" in said, said)


def check_customers(one):
    by_key = json.loads(ends(one, DONE, "customer", "show", "crm:8", "--output", "json"))
    for who in ("email:p8@example.test", by_key["name"]):
        kit.equal(json.loads(ends(one, DONE, "customer", "show", who, "--output", "json"))["name"],
                  by_key["name"], who)
    for who in ("crm:8", by_key["name"]):
        ends(one, DONE, "decide", who, "home", "--output", "json")
    shown = ends(one, DONE, "customer", "show", "crm:8")
    kit.check("  tier      gold\n" in shown and "  email     p8@example.test\n" in shown, shown)
    counts = [json.loads(ends(one, DONE, "segment", "preview", "golden", *by, "--output", "json"))
              for by in (["--by", "tier,country"], ["--by", "tier", "--by", "country"])]
    kit.equal(counts[0]["count"], 50, "golden customers")
    kit.equal(counts[0]["breakdown"], counts[1]["breakdown"], "commas and repetition")


def check_timeline(one):
    """What is left out is said."""
    one.ingest([kit.event("crm:199", "purchase", f"t{i}", START - timedelta(days=2, minutes=i), amount=1.0)
                for i in range(1_100)])
    for words, shown in (([], 200), (["--limit", "1"], 1), (["--limit", "1050"], 1050), (["--all"], 1_100)):
        done = one.run("customer", "show", "crm:199", "--output", "json", *words)
        kit.equal(done.returncode, DONE, done.stderr)
        kit.equal(len(json.loads(done.stdout)["timeline"]), shown, f"entries with {words}")
        kit.equal(f"the newest {shown} entries are shown" in done.stderr, shown < 1_100, done.stderr)
    ends(one, USAGE, "customer", "show", "crm:199", "--all", "--limit", "1")


def check_parked(one):
    """No door takes a record that cannot be applied, so nobody is parked here."""
    kit.equal(ends(one, DONE, "parked", "list", "--output", "json"), "", "parked customers")
    kit.check(ends(one, DONE, "parked", "list").startswith("CUSTOMER"), "a table")
    for verb in ("retry", "drop"):
        ends(one, WRONG_STATE, "parked", verb, "crm:8", "--service", "delivery")
        ends(one, USAGE, "parked", verb, "crm:8")


def check_report(one):
    for verb in ("approve", "launch"):
        kit.check("is" in ends(one, DONE, "campaign", verb, "hello"), verb)
    one.clock.set(START)
    one.wait_until_planned("hello", 1)
    one.wait_until_sent()
    one.clock.set(START + timedelta(days=1))
    one.ingest([kit.event(f"crm:{i}", "purchase", f"b{i}", START + timedelta(hours=1), amount=10.0 + i)
                for i in range(1, 201, 3)])
    kit.eventually(lambda: kit.check(kit.report(one, "hello", 1)["effects"], "effects"))
    report = kit.report(one, "hello", 1)
    kit.equal(list(report), REPORT, "fields of the report")
    kit.equal(list(report["funnel"]), FUNNEL, "fields of the funnel")
    kit.equal(sorted(report["arms"][0]), ["arm", "means", "n"], "fields of an arm")
    kit.equal(sorted(report["effects"][0]),
              ["arm", "difference", "high", "low", "metric", "p_value"], "fields of an effect")
    table = ends(one, DONE, "campaign", "report", "hello")
    kit.check("FUNNEL" in table and table.count("  by machines") == 2, table)
    for words, needle in ((["nope"], "there is no campaigns/nope"), (["nope", "--cycle", "9"], "there is no"),
                          (["hello", "--cycle", "9"], "campaigns/hello has cycles 1 to 1")):
        done = one.run("campaign", "report", *words)
        kit.equal(done.returncode, WRONG_STATE, done.stderr)
        kit.check(needle in done.stderr, done.stderr)
    ends(one, USAGE, "campaign", "report", "hello", "--cycle", "-1")


def check_offline(one):
    """What only computes needs no server, and rules answer in JSON unless told otherwise."""
    def run(*words, status=DONE, **options):
        done = subprocess.run([one.binary, *words], capture_output=True, text=True,
                              env={**os.environ, "RONDO_SERVER": "127.0.0.1:1"}, **options)
        kit.equal(done.returncode, status, f"rondo {' '.join(words)}: {done.stderr}")
        return done.stdout
    kit.equal(json.loads(run("rules", "eval", "--expr", "1 + 2 * 3"))["t"], "int", "type")
    kit.equal(json.loads(run("rules", "fmt", "--expr", "a&&( b||c )")),
              {"expression": "a && (b || c)"}, "fmt")
    kit.equal(run("rules", "fmt", "--expr", "a&&( b||c )", "--output", "table"), "a && (b || c)\n", "fmt")
    path = one.folder / "shop.yaml"
    rule = "customer.tier == 'gold' && events('purchase').last('90d').count() > 1"
    explained = json.loads(run("rules", "explain", "--expr", rule, "-f", str(path)))
    kit.equal(explained["type"], "bool", explained)
    kit.equal(explained["reads"]["attributes"], ["tier"], explained)
    kit.equal(explained["reads"]["event_types"], ["purchase"], explained)
    kit.check(len(explained["plan"]) > 1, explained)
    run("rules", "explain", "--expr", rule, status=REFUSED)
    run("config", "check", "-", input="http: 127.0.0.1:0\n")
    keys = [json.loads(line) for line in run("config", "explain", "--output", "json").splitlines()]
    kit.check({"data", "target", "log", "http", "grpc"} <= {key["key"] for key in keys}, keys)
    first, second = one.folder / "trace1", one.folder / "trace2"
    for trace in (first, second):
        world = json.loads(run("simulate", "--seed", "7", "--trace", str(trace), "--output", "json"))
        kit.equal((world["worlds"], world["failed"]), (1, 0), world)
    kit.equal(first.read_bytes(), second.read_bytes(), "the same seed's trace")
    kit.check(len(first.read_bytes()) > 1000, "a trace")
    run("simulate", "--worlds", "none", status=USAGE)


def check_doors(one):
    bound = json.loads((one.folder / "data" / "addresses.json").read_text())
    kit.equal(sorted(bound), ["grpc", "http"], "addresses.json")
    kit.check(not any(address.endswith(":0") for address in bound.values()), bound)
    for path, needle in (("/openapi.json", '"openapi"'), ("/metrics", 'rondo_log_lag_records{partition="0",service="delivery"} 0'), ("/healthz", ""),
                         ("/readyz", ""), ("/", "<html")):
        if path == "/" and not (kit.ROOT / "dashboards" / "dist" / "index.html").exists():
            continue  # Not built.
        with urllib.request.urlopen(f"http://{bound['http']}{path}", timeout=30) as answer:
            kit.equal(answer.status, 200, path)
            kit.check(needle in answer.read().decode(), path)
    # As a proxy passes on what a browser asked it for.
    for host, status in ((PROXY, 200), (f"{PROXY}:8443", 200), ("other.test", 403)):
        asked = urllib.request.Request(f"http://{bound['http']}/api/v1/events:ingest", b"{}", {
            "Content-Type": "application/json", "Host": host, "Origin": f"https://{host}"})
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                kit.equal(answer.status, status, host)
        except urllib.error.HTTPError as error:
            kit.equal(error.code, status, host)


def begin_call(address, path):
    """The socket of a gRPC call whose message does not come; returned once the server has its head."""
    def frame(kind, flags, stream, payload):
        return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

    def header(name, value):  # Literal, not indexed.
        return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
    head = b"".join(header(*pair) for pair in (
        (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "rondo"),
        ("content-type", "application/grpc"), ("te", "trailers")))
    settings, headers, ping = 4, 1, 6
    host, port = address.rsplit(":", 1)
    call = socket.create_connection((host, int(port)), timeout=30)
    call.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(settings, 0, 0, b"")
                 + frame(headers, 4, 1, head) + frame(ping, 0, 0, b"8 bytes!"))
    answers = call.makefile("rb")
    while True:
        start = answers.read(9)
        answers.read(int.from_bytes(start[:3], "big"))
        if start[3:5] == bytes([ping, 1]):
            return call


def check_drain(one):
    """Who asks whether to send more is told so before what is in flight has ended."""
    with begin_call(one.grpc, "/rondo.log.v1.LogService/ListParked"):
        one.server.send_signal(signal.SIGTERM)

        def ready():
            try:
                with urllib.request.urlopen(f"http://{one.rest.address}/readyz", timeout=30) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code
        kit.eventually(lambda: kit.equal(ready(), 503, "/readyz of a server that goes down"))
        kit.equal(one.server.poll(), None, "it still drains")
    kit.equal(one.server.wait(timeout=60), DONE, "exit of a server that was stopped")
    one.server = None
    one.start()


def main():
    with kit.deployment(START - timedelta(days=1), f"allowed_hosts: [{PROXY}]\n") as one:
        check_apply(one)
        check_statuses(one)
        check_imports(one)
        check_interrupted(one)
        check_customers(one)
        check_timeline(one)
        check_parked(one)
        check_report(one)
        check_apply_is_checked_first(one)
        check_code_lists(one)
        check_offline(one)
        check_doors(one)
        check_drain(one)
        check_interrupted_start(one)
    print("the command line keeps its word", file=sys.stderr)


if __name__ == "__main__":
    kit.run(main)
