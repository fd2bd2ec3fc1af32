"""Bad input through the public doors: one clear message that names the place, the right status, and
nothing half done.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import kit

START = datetime(2026, 12, 1, 10, tzinfo=timezone.utc)

DEFINITIONS = """
kind: AttributeSet
name: shop
currency: EUR
attributes:
  - {name: email, type: string, pii: true}
  - {name: age, type: int}
  - {name: tier, type: code, codes: [gold, silver]}
event_types: [{name: purchase, fields: [{name: amount, type: double}]}]
---
kind: Template
name: hello
channel: email
from: Shop <shop@example.test>
subject: Hello
text: "See https://shop.example/"
"""

CAMPAIGN = """
kind: Campaign
name: NAME
currency: EUR
cells:
  - {name: control, share: 0.5, control: true}
  - {name: mail, share: SHARE, treatment: {channel: email, template: templates/hello}}
goals: [{name: bought, event: purchase, where: "WHERE", within: 3d}]
schedule: {start: 2026-12-01T10:00:00Z, time_zone: UTC}
"""

MAPPING = """
name: people
keys: ["crm:{id}"]
attributes:
  email: {column: email}
  age: {column: age, type: int}
"""


def refused(deployment, words, status, *needles, **options):
    """Runs a command that must end with `status` and a message that holds every needle."""
    done = deployment.run(*words, **options)
    said = done.stderr + done.stdout
    kit.equal(done.returncode, status, f"exit of rondo {' '.join(words)} ({said.strip()[:300]})")
    for needle in needles:
        kit.check(needle in said, f"rondo {' '.join(words)}: {needle!r} not in {said!r}")


def campaign(name="x", share="0.5", where="e.amount > 0.0"):
    return CAMPAIGN.replace("NAME", name).replace("SHARE", share).replace("WHERE", where)


def check_definitions(deployment):
    apply = ["apply", "-f", "-"]
    refused(deployment, apply, 3, "-:3:", input="kind: Segment\nname: [x\n")
    refused(deployment, apply, 3, "-:3:1: expresion", "unknown field",
            input="kind: Segment\nname: x\nexpresion: a\n")
    refused(deployment, apply, 3, "cells", "add up", input=campaign(share="0.6"))
    refused(deployment, apply, 3, "goals[0].where", "amont", input=campaign(where="e.amont > 0.0"))
    refused(deployment, apply, 3, "expression", "customer.agee",
            input="kind: Segment\nname: x\nexpression: customer.agee > 3\n")
    refused(deployment, apply, 3, "expression",
            input="kind: Segment\nname: x\nexpression: customer.age == 'old'\n")
    refused(deployment, apply, 3, "expression",
            input="kind: Segment\nname: x\nexpression: 'customer.age >'\n")
    refused(deployment, apply, 3, "line 1, column 1", "`while`", input=
            "kind: Template\nname: x\nchannel: email\nfrom: a@b.test\nsubject: x\ntext: '{% while %}'\n")
    refused(deployment, ["segment", "show", "x"], 4)
    refused(deployment, ["campaign", "launch", "nothing"], 4, "nothing")
    refused(deployment, ["campaign", "show", "x"], 4)
    refused(deployment, ["segment", "preview", "--expr", "customer.agee > 3"], 3, "1:", "customer.age")
    refused(deployment, ["nonsense"], 2)


def check_imports(deployment):
    mapping = deployment.folder / "map.yaml"
    mapping.write_text(MAPPING)
    rows = deployment.folder / "rows.csv"
    rejects = deployment.folder / "rejects.csv"
    rows.write_bytes(b"id,email,age\n1,a@x.test,40\n2,b@x.test,old\n,c@x.test,3\n"
                     b"4,\xff\xfe,3\n5,\"broken\n6,f@x.test,1\n")
    summary = json.loads(deployment.command("import", "customers", str(rows), "--mapping", str(mapping),
                                            "--rejects", str(rejects), "--output", "json"))
    kit.equal(summary["imported"], 1, f"good rows of {summary}")
    kit.equal(summary["rows"], summary["imported"] + summary["unchanged"] + summary["rejected"], "sum")
    told = rejects.read_text(errors="replace")
    kit.check(told.startswith("line,column,field,value,reason"), told)
    kit.check("attributes.age" in told and "expected a whole number" in told, told)
    refused(deployment, ["import", "customers", str(deployment.folder / "none.csv"), "--mapping",
                         str(mapping)], 4, "none.csv")
    mapping.write_text("name: people\nkeys: ['crm:{nr}']\n")
    refused(deployment, ["import", "customers", str(rows), "--mapping", str(mapping)], 3, "nr")


def status_of(deployment, method, path, body):
    connection = deployment.rest.connection
    connection.request(method, path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def check_rest(deployment):
    status, body = status_of(deployment, "POST", "/api/v1/events:ingest", b"{broken")
    kit.equal(status, 400, body)
    status, body = status_of(deployment, "POST", "/api/v1/events:ingest", b'{"evts": []}')
    kit.check(status == 400 and "evts" in body, body)
    status, body = status_of(deployment, "POST", "/api/v1/events:ingest",
                             json.dumps({"events": [{"customer": "crm:1"}]}).encode())
    # One event of many is refused by itself: the call is good, and says which and why.
    kit.equal(status, 200, body)
    answer = json.loads(body)
    kit.equal((answer["accepted"], [(r["index"], r["field"]) for r in answer["rejected"]]),
              ("0", [(0, "event.type")]), body)
    status, body = status_of(deployment, "GET", "/api/v1/campaigns/none", None)
    kit.check(status == 404, body)
    status, body = status_of(deployment, "GET", "/api/v1/customers/xyz", None)
    kit.check(status == 400 and "name" in body, body)
    status, _ = status_of(deployment, "GET", "/t/c/forged-token", None)
    kit.equal(status, 404, "forged token")
    status, _ = status_of(deployment, "GET", "/../../etc/passwd", None)
    kit.check(status in (400, 404), "traversal")


def check_no_address(deployment):
    """A customer without an address is suppressed with that reason; the others are contacted."""
    kit.apply(deployment, campaign("addresses"))
    rows = deployment.folder / "more.csv"
    rows.write_text("id,email,age\n" + "".join(
        f"{i},{'' if i % 2 else f'p{i}@x.test'},{i}\n" for i in range(100, 200)))
    mapping = deployment.folder / "map2.yaml"
    mapping.write_text(MAPPING + """
consents:
  - {channel: email, purpose: marketing, granted: {value: "true", type: bool}}
""")
    deployment.command("import", "customers", str(rows), "--mapping", str(mapping))
    for verb in ("approve", "launch"):
        deployment.command("campaign", verb, "addresses")
    deployment.clock.set(START)
    deployment.wait_until_planned("addresses", 1)
    deployment.wait_until_sent()
    funnel = kit.report(deployment, "addresses", 1)["funnel"]
    kit.check(funnel["suppressed"].get("no_address", 0) > 10, funnel)
    kit.equal(funnel["sent"] + sum(funnel["suppressed"].values()), funnel["planned"], "all accounted")
    kit.equal(len(deployment.new_messages("mail")), funnel["sent"], "mails")


def check_serve(deployment):
    data = str(deployment.folder / "data")
    refused(deployment, ["serve", "--data", data, "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"], 4,
            "another", "--data")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        other = str(deployment.folder / "other")
        refused(deployment, ["serve", "--data", other, "--http",
                             f"127.0.0.1:{taken.getsockname()[1]}", "--grpc", "127.0.0.1:0"], 4,
                "in use")
    refused(deployment, ["serve", "--data", other, "--http", "0.0.0.0:0"], 4, "no login yet", "127.0.0.1")
    config = deployment.folder / "bad.yaml"
    config.write_text("smtp: {prot: 25}\n")
    refused(deployment, ["serve", "--config", str(config)], 3, "bad.yaml:1:", "smtp.port")
    newer = deployment.folder / "newer"
    newer.mkdir()
    (newer / "format").write_text("99\n")
    refused(deployment, ["serve", "--data", str(newer)], 4, "newer")
    refused(deployment, ["log", "verify", "--data", data + "-none"], 4)
    shutil.rmtree(newer)


def check_demo(deployment):
    """The demonstration stops and removes what it made, and nothing else."""
    def demo(folder, word, status):
        done = subprocess.run([sys.executable, str(kit.ROOT / "examples/demo/demo.py"), "--rondo",
                               deployment.binary, "--data", str(folder), word],
                              capture_output=True, text=True)
        kit.equal(done.returncode, status, f"demo {word} ({done.stderr})")
        kit.equal(str(folder) in done.stderr, status != 0, f"demo {word} ({done.stderr})")
    bystander = subprocess.Popen(["sleep", "600"])
    try:
        mine = deployment.folder / "mine"
        mine.mkdir()
        (mine / "letters").write_text("dear\n")
        (mine / "pids").write_text(f"{bystander.pid} 1 serve\n")
        for word in ("--clean", "--stop", "--headless"):
            demo(mine, word, 1)
        kit.equal(sorted(file.name for file in mine.iterdir()), ["letters", "pids"], "my files")
        # Its own folder, whose process has ended and whose number is another's now.
        (mine / ".rondo-demo").touch()
        demo(mine, "--clean", 0)
        kit.check(not mine.exists(), "--clean removes what the demonstration made")
        demo(mine, "--clean", 0)
        kit.equal(bystander.poll(), None, "a process that is not the demonstration's")
    finally:
        bystander.kill()
        bystander.wait()


def check_setup(deployment):
    """`./x setup` that fails leaves no policy behind that forbids services to start."""
    root = deployment.folder / "clone"
    (root / "cmake").mkdir(parents=True)
    (root / "bin").mkdir()
    policy = root / "policy-rc.d"
    script = (kit.ROOT / "x").read_text().replace("/usr/sbin/policy-rc.d", str(policy))
    kit.check(str(policy) in script, "the policy's path stands in ./x")
    (root / "cmake/packages.txt").write_text("no-such-package\n")
    for name, text in {
            "x": script,
            "bin/apt-get": f'#!/bin/sh\n[ "$1" = update ] && exit\ncp {policy} {root}/seen; exit 100\n',
            "bin/sudo": '#!/bin/sh\nexec "$@"\n'}.items():
        (root / name).write_text(text)
        (root / name).chmod(0o755)
    done = subprocess.run([str(root / "x"), "setup"], capture_output=True, text=True,
                          env={**os.environ, "PATH": f"{root / 'bin'}:{os.environ['PATH']}"})
    kit.check(done.returncode != 0, "a setup whose apt-get fails")
    kit.check((root / "seen").exists(), f"the policy held while it installed ({done.stderr})")
    kit.check(not policy.exists(), "the policy is gone")


def main():
    with kit.deployment(START - timedelta(days=1)) as deployment:
        kit.apply(deployment, DEFINITIONS)
        check_definitions(deployment)
        check_imports(deployment)
        check_rest(deployment)
        check_no_address(deployment)
        check_serve(deployment)
        check_demo(deployment)
        check_setup(deployment)


if __name__ == "__main__":
    kit.run(main)
