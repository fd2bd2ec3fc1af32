#!/usr/bin/env python3
"""Runs the benchmarks that `./x bench` built and says how they stand against their targets.

    run.py --build build/release [NAME] [--quick] [--json FILE]

Each benchmark binary is run by Google Benchmark's own means. A result's value is its rate (items a
second, bytes a second) where it counts such, else its time; user counters are results of their own.
targets.json names, for a result, its anchor (another result of the same run, so that the ratio does
not depend on the machine) and the target: of the ratio where there is an anchor, else of the value.
Exit 1 if a benchmark fails; a missed target is shown, and is no failure.
"""

import argparse
import datetime
import json
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def machine():
    """`model name, N cores, M GiB`."""
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.*)$", info, re.MULTILINE)
    cores = len(re.findall(r"^processor", info, re.MULTILINE))
    memory = int(re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1))
    name = model.group(1) if model else platform.machine()
    return f"{name}, {cores} cores, {memory // 1048576} GiB"


def binaries(build, name):
    """Benchmark programs whose name holds `name`; programs end in _benchmark or _bench."""
    found = [p for p in build.rglob("*") if p.is_file() and re.search(r"_bench(mark)?$", p.name)
             and p.stat().st_mode & 0o100]
    return sorted(p for p in found if name in p.name)


def run(binary, quick):
    """Google Benchmark's own report of one binary."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [binary, f"--benchmark_out={out.name}", "--benchmark_out_format=json",
                   f"--benchmark_min_time={0.05 if quick else 1}"]
        subprocess.run(command, check=True, stdout=sys.stderr)
        return json.loads(pathlib.Path(out.name).read_text())["benchmarks"]


STANDARD = {"name", "run_name", "run_type", "repetitions", "repetition_index", "threads", "iterations",
            "real_time", "cpu_time", "time_unit", "family_index", "per_family_instance_index",
            "items_per_second", "bytes_per_second", "label", "error_occurred", "error_message",
            "aggregate_name", "aggregate_unit"}


def results_of(bench, entry):
    """Yields (name, value, unit) of one entry of the report."""
    name = f"{bench}/{entry['name'].removesuffix('/real_time')}"
    if "items_per_second" in entry:
        yield name, entry["items_per_second"], "items/s"
    elif "bytes_per_second" in entry:
        yield name, entry["bytes_per_second"], "bytes/s"
    else:
        yield name, entry["real_time"], entry["time_unit"]
    for counter, value in entry.items():
        if counter not in STANDARD and isinstance(value, (int, float)):
            yield f"{name}:{counter}", value, counter.rsplit("_", 1)[-1]


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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()

    programs = binaries(args.build, args.name)
    if not programs:
        print(f"no benchmark's name holds {args.name!r}", file=sys.stderr)
        return 1
    measured = []
    for program in programs:
        bench = re.sub(r"_bench(mark)?$", "", program.name)
        for entry in run(program, args.quick):
            if entry.get("error_occurred"):
                print(f"{entry['name']}: {entry['error_message']}", file=sys.stderr)
                return 1
            measured += results_of(bench, entry)
    targets = json.loads((HERE / "targets.json").read_text())
    values = {name: value for name, value, _ in measured}
    results = [judge(name, value, unit, values, targets) for name, value, unit in measured]
    for row in results:
        told = f"{row['name']:60} {row['value']:>16,.1f} {row['unit']}"
        if row["ratio"] is not None:
            told += f"   {row['ratio']:.3f} of {row['anchor']}"
        if row["met"] is not None:
            told += f"   target {row['target']}: {'met' if row['met'] else 'MISSED'}"
        print(told)
    if args.json:
        report = {"bench": args.name or "all", "machine": machine(),
                  "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
                  "results": results}
        args.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
