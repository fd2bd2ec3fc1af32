"""`./x bench segments`: rondo, DuckDB, ClickHouse and hand-written loops, asked the same questions
of the same customers in one run; run.py calls it.

One child each: the C++ program for rondo and the loops, peers.py for the two peers. Each question is
put to all of them in turn, in three rounds, so that what else the machine does meets all alike; in a
round one run is not counted, then some are; the median of all stands. Whatever was selected must be
the same customers everywhere, or the benchmark fails.
"""

import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
QUERIES = json.loads((HERE / "queries.json").read_text())
PEERS = ("duckdb", "clickhouse")
SEED = 1
# Beyond this the way through the log would take an hour.
LOG_CUSTOMERS_MAX = 1_000_000
ROUNDS = 3
LOOP_FACTOR_MAX = 2.5
MEMORY_FACTOR_MAX = 1.5
SINGLE_PER_MS_MIN = 5_000
UPDATES_PER_SECOND_MIN = 100_000
# What is tried; a little of it is not applied yet when the time is over.
UPDATES_PER_SECOND_TRIED = 105_000
P99_FACTOR_MAX = 3
# Five predicates that hold for most, so that all five are evaluated for most.
SINGLE_RULE = ("customer.tier != 'platinum' && customer.points >= 1 && customer.device in ['none', 'ios', "
               "'android'] && customer.opted == true && customer.joined < timestamp('2026-01-01T00:00:00Z')")


class Failed(Exception):
    """The benchmark cannot go on, or found a difference."""


class Child:
    """A program that answers lines by lines of JSON; the first line comes unasked."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen([str(word) for word in command], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.loaded = self._read()

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"{self.name} ended with {self.process.wait()}")
        return json.loads(line)

    def ask(self, *words, separator="\t"):
        print(*words, sep=separator, file=self.process.stdin, flush=True)
        return self._read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def row(name, value, unit, **more):
    """A row as run.py writes it."""
    return {"name": name, "value": value, "unit": unit, "anchor": None, "anchor_value": None,
            "ratio": None, "target": None, "met": None, **more}


def at_most(name, value, unit, target):
    return row(name, value, unit, target=target, met=value <= target)


def against(name, value, unit, anchor, anchor_value, target):
    """A row whose value, divided by its anchor, is at most the target."""
    ratio = value / anchor_value
    return row(name, value, unit, anchor=anchor, anchor_value=anchor_value, ratio=ratio, target=target,
               met=ratio <= target)


def p99(times):
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]


def compare_ids(folder, name, sides):
    """All sides' files of ids of a query must be equal."""
    found = {side: (folder / f"{side}-{name}.ids").read_bytes() for side in sides}
    first = sides[0]
    different = [side for side in sides if found[side] != found[first]]
    if different:
        sizes = ", ".join(f"{side} {len(found[side]) // 4}" for side in sides)
        raise Failed(f"query {name}: {first} and {', '.join(different)} select other customers ({sizes})")


def define_segments(shop):
    for name, segment in QUERIES["segments"].items():
        answer = shop.ask("define", name, segment["rule"])
        if "error" in answer:
            raise Failed(f"segment {name}: {answer['error']}")


def in_rounds(asks, runs):
    """Answers by name, asked in turn; `asks` take the number of runs to count."""
    told = {}
    for _ in range(ROUNDS):
        for name, ask in asks.items():
            answer = ask(runs)
            answer["ms"] = told.get(name, {}).get("ms", []) + answer.get("ms", [])
            told[name] = answer
    return told


def ask_query(name, query, shop, peers, folder, runs):
    """Rows of one query; `runs` are counted in a round."""
    asks = {"loop": lambda n: shop.ask("loop", name, n),
            "rondo": lambda n: shop.ask("rondo", name, n, query["rule"])}
    for peer in peers:
        asks[peer.name] = lambda n, peer=peer: peer.ask(name, n, separator=" ")
    told = in_rounds(asks, runs)
    loop, rondo = told.pop("loop"), told.pop("rondo")
    medians = {peer: statistics.median(answer["ms"]) for peer, answer in told.items()}
    loop_ms = statistics.median(loop["ms"])
    if "error" in rondo:
        raise Failed(f"query {name}: {rondo['error']}")
    compare_ids(folder, name, ["loop", "rondo", *told])
    value = statistics.median(rondo["ms"])
    result = row(name, value, "ms", target=query["target"])
    if medians:
        fastest = min(medians, key=medians.get)
        ratio = medians[fastest] / value
        result.update(anchor=fastest, anchor_value=medians[fastest], ratio=ratio,
                      met=ratio >= query["target"])
    rows = [result, against(f"{name}_against_loop", value, "ms", f"{name}_loop", loop_ms, LOOP_FACTOR_MAX)]
    rows += [row(f"{name}_loop", loop_ms, "ms"), row(f"{name}_selected", loop["rows"], "customers")]
    rows += [row(f"{name}_{peer}", medians[peer], "ms") for peer in medians]
    preview = shop.ask("preview", name, runs * ROUNDS, query["rule"])
    if preview.get("refused"):
        print(f"preview_segment_{name}: not yet answered: {preview['error']}", file=sys.stderr)
    elif "error" in preview:
        raise Failed(f"PreviewSegment of {name}: {preview['error']}")
    elif preview["rows"] != loop["rows"]:
        raise Failed(f"PreviewSegment of {name} counts {preview['rows']}, not {loop['rows']}")
    else:
        rows.append(at_most(f"preview_segment_{name}", statistics.median(preview["ms"]), "ms",
                            query["preview_ms_max"]))
    return rows


def rows_of_loading(shop, peers):
    rows = [row("population_customers", shop.loaded["customers"], "customers"),
            row("population_purchases", shop.loaded["purchases"], "purchases"),
            row("load_rondo", shop.loaded["load_ms"], "ms"),
            against("memory_rondo", shop.loaded["memory_bytes"] / 1e6, "MB", "raw_width_of_columns",
                    shop.loaded["raw_bytes"] / 1e6, MEMORY_FACTOR_MAX)]
    for peer in peers:
        rows += [row(f"load_{peer.name}", peer.loaded["load_ms"], "ms"),
                 row(f"memory_{peer.name}", peer.loaded["memory_bytes"] / 1e6, "MB")]
    return rows


def rows_of_single(shop, seconds):
    per_ms = shop.ask("single", SINGLE_RULE, seconds)["per_second"] / 1000
    return [row("single_customer_evaluations_per_ms", per_ms, "/ms", target=SINGLE_PER_MS_MIN,
                met=per_ms >= SINGLE_PER_MS_MIN)]


def rows_of_updates(shop, seconds):
    """Previews of the first query alone, then beside updates. Last: they change the population."""
    rule = QUERIES["queries"]["a"]["rule"]
    idle = p99(shop.ask("updates", rule, 0, seconds)["ms"])
    busy = shop.ask("updates", rule, UPDATES_PER_SECOND_TRIED, seconds)
    rate = busy["updates_per_second"]
    return [row("preview_p99_idle", idle, "ms"),
            against("preview_p99_beside_updates", p99(busy["ms"]), "ms", "preview_p99_idle", idle,
                    P99_FACTOR_MAX),
            row("updates_beside_previews", rate, "/s", target=UPDATES_PER_SECOND_MIN,
                met=rate >= UPDATES_PER_SECOND_MIN)]


def rows_of_log(program, customers, scratch):
    """The same population through the log: same contents, same answers."""
    answers = {}
    rows = []
    for path in ("bulk", "log"):
        folder = scratch / path
        folder.mkdir()
        shop = Child("rondo", [program, customers, SEED, folder, path])
        define_segments(shop)
        for name, query in QUERIES["queries"].items():
            shop.ask("rondo", name, 0, query["rule"])
        ids = {file.name: file.read_bytes() for file in folder.glob("rondo-*.ids")}
        answers[path] = (shop.ask("fingerprint")["fingerprint"], ids)
        rows.append(row(f"load_rondo_by_{path}_of_{customers}", shop.loaded["load_ms"], "ms"))
        shop.close()
        shutil.rmtree(folder)
    if answers["bulk"] != answers["log"]:
        raise Failed("the population that came through the log is not the one that was filled in")
    return rows


def run(program, python, customers, quick):
    """Rows of the report. `python`: that of the bench environment; None: without the peers."""
    runs = 2 if quick else 3
    seconds = 2 if quick else 10
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="rondo-bench-segments-"))
    children = []
    try:
        folder = scratch / "population"
        folder.mkdir()
        shop = Child("rondo", [program, customers, SEED, folder])
        children.append(shop)
        define_segments(shop)
        peers = []
        if python is None:
            print("segments: WITHOUT THE PEERS DuckDB and ClickHouse: no factors, and no ids but rondo's "
                  "and the loops' are compared (./x bench installs them)", file=sys.stderr)
        else:
            for name in PEERS:
                peers.append(Child(name, [python, HERE / "peers.py", name, folder, HERE / "queries.json"]))
                children.append(peers[-1])
        rows = rows_of_loading(shop, peers)
        for name, query in QUERIES["queries"].items():
            rows += ask_query(name, query, shop, peers, folder, runs)
        while len(children) > 1:
            children.pop().close()
        rows += rows_of_single(shop, 1)
        rows += rows_of_updates(shop, seconds)
        children.pop().close()
        return rows + rows_of_log(program, min(customers, LOG_CUSTOMERS_MAX), scratch)
    finally:
        for child in children:
            child.process.kill()
            child.process.wait()
        shutil.rmtree(scratch, ignore_errors=True)
