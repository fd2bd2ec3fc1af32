#!/usr/bin/env python3
"""clang-tidy on tracked C++ sources: all, or those changed since a commit.

    lint.py --build build/release [--since COMMIT] [--jobs N] [--most N]

The build is GCC's, so its precompiled header and its own warning flags are taken out of a copy of
compile_commands.json first. A changed header is linted through the sources beside it. With --most,
the newest changes come first and what was left out is said.
Exit 1 on findings.
"""

import argparse
import concurrent.futures
import json
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
GCC_ONLY = {"-fpch-preprocess", "-Winvalid-pch", "-Wno-restrict", "-Wno-stringop-overflow",
            "-Wno-maybe-uninitialized", "-Werror"}


def git(*args):
    return subprocess.run(["git", *args], cwd=ROOT, check=True, capture_output=True,
                          text=True).stdout.split()


def without_gcc(command, header):
    """`command` as clang can read it; `header` stands for GCC's precompiled one."""
    arguments = [a for a in shlex.split(command) if a not in GCC_ONLY]
    return [str(header) if a.endswith("cmake_pch.hxx") else a for a in arguments]


def write_commands(build, lint_dir):
    """Copies compile_commands.json for clang; returns the sources that it knows."""
    lint_dir.mkdir(parents=True, exist_ok=True)
    # A copy: beside the original stands GCC's .gch, which clang would try to read.
    header = lint_dir / "pch.hxx"
    original = next(build.glob("CMakeFiles/rondo_pch.dir/cmake_pch.hxx"))
    header.write_text(original.read_text())
    commands = json.loads((build / "compile_commands.json").read_text())
    known = []
    for entry in commands:
        entry["arguments"] = without_gcc(entry.pop("command"), header)
        known.append(entry["file"])
    (lint_dir / "compile_commands.json").write_text(json.dumps(commands))
    return set(known)


def changed_sources(since, tracked):
    """Sources changed since the commit, newest first; for a header the sources of its name."""
    names = []
    commits = git("log", "--format=%H", f"{since}..HEAD") if since in git("rev-list", "HEAD") else []
    dirty = git("diff", "--name-only", "HEAD")
    for group in [dirty, *(git("show", "--format=", "--name-only", c) for c in commits)]:
        names += group
    wanted = []
    for name in names:
        path = pathlib.PurePosixPath(name)
        stem = path.with_suffix("").as_posix()
        candidates = [name] if path.suffix == ".cc" else []
        if path.suffix == ".h":
            candidates = [stem + ".cc", stem + "_test.cc"]
        wanted += [c for c in candidates if c in tracked and c not in wanted]
    return wanted


def lint(source, lint_dir):
    result = subprocess.run(["clang-tidy-16", "--quiet", "-p", lint_dir, source], cwd=ROOT,
                            capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + (result.stderr if result.returncode else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--since")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--most", type=int)
    args = parser.parse_args()

    lint_dir = (args.build.parent / "lint").resolve()
    known = write_commands(args.build, lint_dir)
    tracked = git("ls-files", "*.cc", ":!cmake/")  # cmake/pch.cc is empty on purpose.
    sources = changed_sources(args.since, set(tracked)) if args.since else tracked
    sources = [s for s in sources if str(ROOT / s) in known]
    if args.most is not None and len(sources) > args.most:
        print(f"lint: the newest {args.most} of {len(sources)} changed sources; "
              "`./x lint` reads all of them")
        sources = sources[:args.most]

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for source, (status, output) in zip(sources, pool.map(lambda s: lint(s, lint_dir), sources)):
            if status:
                failed += 1
                print(f"{source}:\n{output}")
    print(f"lint: {len(sources)} sources, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
