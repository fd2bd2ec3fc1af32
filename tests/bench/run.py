#!/usr/bin/env python3
"""Runs the benchmarks that `./x bench` built and says how they stand against their targets.

    run.py --build build/release [NAME] [--quick] [--json FILE] [--customers N] [--bench-python P]

NAME is part of a program's name (`house`: all of house_benchmark) or of a result's (`preview`), in
any case. Programs that need a population make one of N customers with five events each: 1,000,000,
or 100,000 with --quick.

`segments` is no Google Benchmark: segments/run_segments.py runs it, beside DuckDB and ClickHouse if
--bench-python names a Python that has them; of 10,000,000 customers by default.

Each benchmark binary is run by Google Benchmark's own means. A result's value is its rate (items a
second, bytes a second) where it counts such, else its time; user counters are results of their own
(and the only ones where the label says so).
targets.json names, for a result, its anchor (another result of the same run, so that the ratio does
not depend on the machine) and the target: of the ratio where there is an anchor, else of the value.
Exit 1 if a benchmark fails; a missed target is shown, and is no failure.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "segments"))

import run_segments  # noqa: E402


def machine():
    """`model name, N cores, M GiB`."""
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.*)$", info, re.MULTILINE)
    cores = len(re.findall(r"^processor", info, re.MULTILINE))
    memory = int(re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1))
    name = model.group(1) if model else platform.machine()
    return f"{name}, {cores} cores, {memory // 1048576} GiB"


def binaries(build):
    """Benchmark programs; they end in _benchmark or _bench."""
    return sorted(p for p in build.rglob("*") if p.is_file() and re.search(r"_bench(mark)?$", p.name)
                  and p.stat().st_mode & 0o100)


def bench_of(program):
    """`house_benchmark` measures `house`."""
    return re.sub(r"_bench(mark)?$", "", program.name)


def chosen(program, name, targets):
    """The benchmarks of `program` that `name` means, with their anchors, as a filter; None if there
    are none."""
    if name.lower() in program.name.lower():
        return "."
    listed = subprocess.run([program, "--benchmark_list_tests"], check=True, text=True,
                            stdout=subprocess.PIPE).stdout.split()
    bench = bench_of(program)
    meant = {test for test in listed if name.lower() in test.lower()}
    anchors = {targets.get(full_name(bench, test), {}).get("anchor") for test in meant}
    meant |= {test for test in listed if full_name(bench, test) in anchors}
    return "|".join(f"^{re.escape(test)}$" for test in sorted(meant)) or None


def full_name(bench, test):
    """`house/Decide` for `Decide/iterations:1/manual_time`."""
    return f"{bench}/" + re.sub(r"(/iterations:\d+|/min_time:[\d.]+|/real_time|/manual_time)+$", "", test)


def run(binary, tests, quick, customers):
    """Google Benchmark's own report of one binary."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [binary, f"--benchmark_out={out.name}", "--benchmark_out_format=json",
                   f"--benchmark_min_time={0.05 if quick else 1}", f"--benchmark_filter={tests}"]
        subprocess.run(command, check=True, stdout=sys.stderr,
                       env={**os.environ, "RONDO_BENCH_CUSTOMERS": str(customers)})
        return json.loads(pathlib.Path(out.name).read_text())["benchmarks"]


STANDARD = {"name", "run_name", "run_type", "repetitions", "repetition_index", "threads", "iterations",
            "real_time", "cpu_time", "time_unit", "family_index", "per_family_instance_index",
            "items_per_second", "bytes_per_second", "label", "error_occurred", "error_message",
            "aggregate_name", "aggregate_unit"}


UNITS = {"per_second": "/s", "us": "us", "ms": "ms", "bytes": "bytes", "mb": "MB"}


def unit_of(counter):
    """A counter's unit stands last in its name: `p99_us`."""
    return next((unit for end, unit in UNITS.items() if counter.endswith("_" + end)), "")


def results_of(bench, entry):
    """Yields (name, value, unit) of one entry of the report."""
    name = full_name(bench, entry["name"])
    if entry.get("label") == "counters only":
        pass
    elif "items_per_second" in entry:
        yield name, entry["items_per_second"], "items/s"
    elif "bytes_per_second" in entry:
        yield name, entry["bytes_per_second"], "bytes/s"
    else:
        yield name, entry["real_time"], entry["time_unit"]
    for counter, value in entry.items():
        if counter not in STANDARD and isinstance(value, (int, float)):
            yield f"{name}:{counter}", value, unit_of(counter)


def judge(name, value, unit, values, targets):
    """One row of the report."""
    rule = targets.get(name, {})
    anchor = rule.get("anchor")
    anchor_value = values.get(anchor)
    ratio = value / anchor_value if anchor_value else None
    target = rule.get("target")
    measured = ratio if anchor else value
    met = None
    if target is not None and measured is not None:
        met = measured <= target if rule.get("lower_is_better") else measured >= target
    return {"name": name, "value": value, "unit": unit, "anchor": anchor, "anchor_value": anchor_value,
            "ratio": ratio, "target": target, "met": met}


def show(row):
    """One line of the table."""
    told = f"{row['name']:58} {row['value']:>16,.1f} {row['unit']:8}"
    if row["ratio"] is not None:
        told += f" {row['ratio']:.3f} of {row['anchor']}"
    if row["met"] is not None:
        told += f"  target {row['target']}: {'met' if row['met'] else 'MISSED'}"
    print(told.rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--customers", type=int)
    parser.add_argument("--bench-python", type=pathlib.Path)
    args = parser.parse_args()

    targets = json.loads((HERE / "targets.json").read_text())
    customers = args.customers or (100_000 if args.quick else 1_000_000)
    measured = []
    for program in binaries(args.build):
        tests = chosen(program, args.name, targets)
        if tests is None:
            continue
        for entry in run(program, tests, args.quick, customers):
            if entry.get("error_occurred"):
                print(f"{entry['name']}: {entry['error_message']}", file=sys.stderr)
                return 1
            measured += results_of(bench_of(program), entry)
    values = {name: value for name, value, _ in measured}
    results = [judge(name, value, unit, values, targets) for name, value, unit in measured]
    if args.name.lower() in "segments":
        try:
            results += run_segments.run(args.build / "tests/bench/segments/segments", args.bench_python,
                                        args.customers or (100_000 if args.quick else 10_000_000),
                                        args.quick)
        except run_segments.Failed as failed:
            print(f"segments: {failed}", file=sys.stderr)
            return 1
    if not results:
        print(f"no benchmark's name holds {args.name!r}", file=sys.stderr)
        return 1
    for row in results:
        show(row)
    if args.json:
        report = {"bench": args.name or "all", "machine": machine(),
                  "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
                  "results": results}
        args.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
