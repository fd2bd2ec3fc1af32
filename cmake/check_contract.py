#!/usr/bin/env python3
"""Lints proto/ with buf, and refuses a change that breaks the contract or stored records.

    check_contract.py --base COMMIT

buf reads descriptor sets made by protoc, so that the imported google/api files come from
build/venv and no registry is asked. "Breaking" is measured against proto/ as it was at COMMIT;
nothing is compared where COMMIT has no proto/ yet.
"""

import argparse
import io
import pathlib
import subprocess
import sys
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "contract"


def describe(proto_root, output):
    """Writes the descriptor set of all protos below `proto_root`; False if there are none."""
    files = sorted(p.relative_to(proto_root).as_posix() for p in proto_root.glob("rondo/**/*.proto"))
    if not files:
        return False
    google = next((ROOT / "build" / "venv" / "lib").glob("python3*/site-packages"))
    subprocess.run(["protoc", "-I", proto_root, "-I", google, "--include_imports",
                    "--include_source_info", "-o", output, *files], check=True)
    return True


def protos_at(commit, folder):
    """Unpacks proto/ of `commit` into `folder`; False if it has none."""
    archive = subprocess.run(["git", "archive", commit, "proto"], cwd=ROOT, check=False,
                             capture_output=True)
    if archive.returncode:
        return False
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder)  # Our own repository's files.
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", required=True)
    args = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    now = OUT / "now.binpb"
    if not describe(ROOT / "proto", now):
        print("contract: proto/ holds no rondo packages")
        return 1
    config = ROOT / "proto" / "buf.yaml"
    checks = [["buf", "lint", now, "--config", config]]
    with tempfile.TemporaryDirectory() as folder:
        before = OUT / "before.binpb"
        if protos_at(args.base, folder) and describe(pathlib.Path(folder) / "proto", before):
            checks.append(["buf", "breaking", now, "--against", before, "--config", config])
    # All run, so that one look shows all that is wrong.
    return max([subprocess.run(check, cwd=ROOT, check=False).returncode for check in checks])


if __name__ == "__main__":
    sys.exit(main())
