#!/usr/bin/env python3
"""clang-tidy on tracked C++ sources: all, or those changed since a commit.

    lint.py --build build/release [--since COMMIT] [--jobs N] [--most N]

The build is GCC's: its precompiled header and its own warning flags are taken out of the commands. A
changed header is linted through the sources beside it. With --most, the newest changes come first and
what was left out is said.

Nearly all of clang-tidy's time goes into headers, so sources of one folder are read together, as one
translation unit (a sixth of the time). Where their private names clash they are read by halves, in the
end alone. One check looks at a translation unit's own file only (misc-unused-using-decls): a name that
a file declares and never mentions again is found here instead.
Exit 1 on findings.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOGETHER_MAX = 8  # Sources read as one.
OURS = r"/(app|channels|platform|policy|rules|services|stats|tests)/.*\.(h|cc)$"
USING = re.compile(r"^using (?:::)?(?:\w+::)+(\w+);", re.MULTILINE)
GCC_ONLY = {"-fpch-preprocess", "-Winvalid-pch", "-Wno-restrict", "-Wno-stringop-overflow",
            "-Wno-maybe-uninitialized", "-Werror"}


def git(*args):
    return subprocess.run(["git", *args], cwd=ROOT, check=True, capture_output=True,
                          text=True).stdout.split()


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


class Linter:
    """Reads sources of the build in `build`, each by its path in the repository."""

    def __init__(self, build):
        self.folder = (build.parent / "lint").resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        # A copy: beside the original stands GCC's .gch, which clang would try to read.
        header = self.folder / "pch.hxx"
        header.write_text(next(build.glob("CMakeFiles/rondo_pch.dir/cmake_pch.hxx")).read_text())
        self.directory = {}
        self.flags = {}
        for entry in json.loads((build / "compile_commands.json").read_text()):
            words = shlex.split(entry["command"])
            words = words[next(i for i, w in enumerate(words) if w.startswith("-")):words.index("-o")]
            source = pathlib.Path(entry["file"])
            if source.is_relative_to(ROOT):
                name = source.relative_to(ROOT).as_posix()
                self.directory[name] = entry["directory"]
                self.flags[name] = tuple(str(header) if w.endswith("cmake_pch.hxx") else w
                                         for w in words if w not in GCC_ONLY)

    def groups(self, sources):
        """Those that can be read as one: of one folder, with the same flags."""
        alike = collections.defaultdict(list)
        for source in sources:
            alike[pathlib.PurePosixPath(source).parent, self.flags[source]].append(source)
        return [group[at:at + TOGETHER_MAX] for group in alike.values()
                for at in range(0, len(group), TOGETHER_MAX)]

    def findings(self, group):
        """What is wrong with the sources, as text; empty if nothing is."""
        unity = self.folder / (hashlib.sha256("\n".join(group).encode()).hexdigest()[:16] + ".cc")
        unity.write_text("".join(f'#include "{ROOT / source}"\n' for source in group))
        result = subprocess.run(
            ["clang-tidy-16", "--quiet", f"--header-filter={OURS}", str(unity), "--",
             *self.flags[group[0]]], cwd=self.directory[group[0]], capture_output=True, text=True,
            check=False)
        unity.unlink()
        if result.returncode == 0:
            return ""
        if "clang-diagnostic-error" in result.stdout and len(group) > 1:
            middle = len(group) // 2
            return self.findings(group[:middle]) + self.findings(group[middle:])
        return result.stdout + result.stderr


def unused_names(source):
    """Names of using-declarations that the source never mentions again."""
    text = (ROOT / source).read_text()
    return [name for name in USING.findall(text) if len(re.findall(rf"\b{name}\b", text)) == 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--since")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--most", type=int)
    args = parser.parse_args()

    linter = Linter(args.build)
    tracked = git("ls-files", "*.cc", ":!cmake/")  # cmake/pch.cc is empty on purpose.
    sources = changed_sources(args.since, set(tracked)) if args.since else tracked
    sources = [s for s in sources if s in linter.flags]
    if args.most is not None and len(sources) > args.most:
        print(f"lint: the newest {args.most} of {len(sources)} changed sources; "
              "`./x lint` reads all of them")
        sources = sources[:args.most]

    failed = 0
    for source in sources:
        for name in unused_names(source):
            failed += 1
            print(f"{source}: using-declaration of {name} is unused")
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for output in pool.map(linter.findings, linter.groups(sources)):
            if output:
                failed += 1
                print(output, flush=True)
    print(f"lint: {len(sources)} sources, {failed} findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
