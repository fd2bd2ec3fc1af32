#!/usr/bin/env python3
"""Writes the public cases of the rule language and of templates as seeds of their fuzzers.

    python3 tests/fuzz/seeds.py DATA OUT

DATA is the folder of public test data ($RONDO_TEST_DATA); what it lacks is left out. OUT/FUZZER/N
are the seeds, rewritten each time; the kept corpus is tests/fuzz/corpus.
"""

import json
import pathlib
import shutil
import sys

# Cases, the field that a fuzzer reads, the fuzzers.
SOURCES = (
    ("cel/cases.jsonl", "expr", ("rules_parse_fuzzer", "rules_check_fuzzer", "rules_eval_fuzzer")),
    ("liquid/cases.jsonl", "template", ("liquid_fuzzer",)),
)


def main() -> None:
    data, out = map(pathlib.Path, sys.argv[1:])
    shutil.rmtree(out, ignore_errors=True)
    for path, field, fuzzers in SOURCES:
        if not (data / path).exists():
            continue
        lines = (data / path).read_text(encoding="utf-8").splitlines()
        texts = sorted({json.loads(line)[field] for line in lines})
        for fuzzer in fuzzers:
            (out / fuzzer).mkdir(parents=True)
            for number, text in enumerate(texts):
                (out / fuzzer / str(number)).write_text(text, encoding="utf-8", newline="")


main()
