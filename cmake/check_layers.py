#!/usr/bin/env python3
"""Refuses an #include between rooms that cmake/layers.txt does not allow.

CMake refuses the same edges between targets; this sees also what is included without being
linked. Generated headers (rondo/.../x.pb.h) belong to proto. Tests may use tests/kit besides.
Only platform/storage (and tests) may include RocksDB.

    check_layers.py [--root DIR]     exit 1 and one line a finding, else silence and 0
"""

import argparse
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)
# Libraries that one room hides from all others.
HIDDEN = {"rocksdb/": "platform/storage"}
TEST_FILE = re.compile(r"_(test|benchmark|fuzz|fuzzer|fixture|for_test)\.(cc|h)$")


def read_layers(path):
    """Returns {room: set of rooms that it may use}."""
    layers = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            room, _, uses = line.partition(":")
            layers[room.strip()] = set(uses.split())
    return layers


def room_of(path, layers):
    """The longest room that is a prefix of `path`, or None."""
    rooms = [room for room in layers if path == room or path.startswith(room + "/")]
    return max(rooms, key=len, default=None)


def included_room(name, layers):
    if name.startswith("rondo/") and name.endswith(".pb.h"):
        return "proto"
    return room_of(name, layers)


def findings_in(path, text, layers):
    """Yields what is wrong with the includes of the file `path`, whose content is `text`."""
    room = room_of(path, layers)
    if room is None:
        yield f"{path}: belongs to no room of cmake/layers.txt"
        return
    allowed = layers[room] | {room}
    is_test = room == "tests" or TEST_FILE.search(path) is not None
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        name = match.group(2)
        for prefix, owner in HIDDEN.items():
            if name.startswith(prefix) and room != owner and not is_test:
                yield f"{path}:{line}: only {owner} includes <{prefix}...>"
        used = included_room(name, layers)
        if used is None or used in allowed or "*" in allowed:
            continue
        if is_test and used == "tests":
            continue
        yield f"{path}:{line}: {room} may not use {used} ({name})"


def check(root):
    """All findings below `root`."""
    layers = read_layers(root / "cmake" / "layers.txt")
    tops = sorted({room.split("/")[0] for room in layers})
    for top in tops:
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield from findings_in(path.relative_to(root).as_posix(), path.read_text(), layers)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    default_root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--root", type=pathlib.Path, default=default_root)
    findings = list(check(parser.parse_args().root))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
