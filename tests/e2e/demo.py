"""The demonstration, headless: the last cycle earns more than the first, and estimates cover truth.

    demo.py SEED…
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import kit


def run_seed(seed, folder):
    report = Path(folder) / f"report-{seed}.json"
    done = subprocess.run(
        [sys.executable, str(kit.ROOT / "examples/demo/demo.py"), "--rondo", os.environ["RONDO_BINARY"],
         "--headless", "--report", str(report), "--seed", str(seed), "--data",
         str(Path(folder) / f"data-{seed}")], capture_output=True, text=True)
    print(done.stdout, flush=True)
    kit.check(done.returncode == 0, f"seed {seed}: {done.stderr}")
    return json.loads(report.read_text())


def main():
    seeds = [int(seed) for seed in sys.argv[1:]]
    rises = covered = cycles = 0
    with tempfile.TemporaryDirectory(prefix="rondo-demo-") as folder:
        for seed in seeds:
            report = run_seed(seed, folder)
            kit.equal((report["seed"], report["currency"], len(report["cycles"])), (seed, "EUR", 5),
                      "report")
            first, last = report["cycles"][0], report["cycles"][-1]
            if seed == 1:
                kit.check(last["incremental_profit"] > first["incremental_profit"],
                          "at the default seed the last cycle earns more than the first")
            rises += last["true_incremental_profit"] > first["true_incremental_profit"]
            for cycle in report["cycles"]:
                covered += cycle["lift_low"] <= cycle["true_lift"] <= cycle["lift_high"]
                cycles += 1
    print(f"true profit rises in {rises} of {len(seeds)}, {covered} of {cycles} intervals cover")
    if len(seeds) < 5:
        return  # Too few to judge shares by.
    # 18 of 20 and 85 of 100; with fewer seeds the same shares, one of chance's slips allowed.
    kit.check(rises >= 0.9 * len(seeds) - (len(seeds) < 20), "true profit rises")
    kit.check(covered >= 0.85 * cycles - (len(seeds) < 20), "intervals cover")


if __name__ == "__main__":
    kit.run(main)
