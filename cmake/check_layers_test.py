#!/usr/bin/env python3
"""Both checkers of the layers can fail: a forbidden include and a forbidden DEPS edge are refused."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHECKER = ROOT / "cmake" / "check_layers.py"

PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(layers CXX)
list(APPEND CMAKE_MODULE_PATH ${CMAKE_SOURCE_DIR}/cmake)
find_package(Threads REQUIRED)
find_package(absl REQUIRED)
include(rondo_toolchain)
include(rondo_library)
add_subdirectory(platform/core)
add_subdirectory(platform/http)
add_subdirectory(stats)
"""


class LayersTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rondo-layers-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        shutil.copytree(ROOT / "cmake", self.root / "cmake",
                        ignore=shutil.ignore_patterns("__pycache__"))

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def check(self):
        result = subprocess.run([sys.executable, CHECKER, "--root", self.root],
                                capture_output=True, text=True, check=False)
        return result.returncode, result.stdout

    def test_accepts_what_the_layers_allow(self):
        self.write("stats/lift.h", '#include "platform/core/id.h"\n#include <vector>\n')
        self.write("services/campaign/a.cc", '#include "rondo/delivery/v1/delivery.pb.h"\n')
        self.write("stats/lift_test.cc", '#include "tests/kit/data.h"\n')
        self.assertEqual(self.check(), (0, ""))

    def test_refuses_a_forbidden_include_and_names_its_line(self):
        self.write("stats/lift.h", '#include <vector>\n#include "platform/http/server.h"\n')
        self.assertEqual(self.check(), (
            1, "stats/lift.h:2: stats may not use platform/http (platform/http/server.h)\n"))

    def test_refuses_one_service_in_another_even_in_a_test(self):
        self.write("services/campaign/a_test.cc", '#include "services/delivery/domain/claim.h"\n')
        status, output = self.check()
        self.assertEqual(status, 1)
        self.assertIn("services/campaign may not use services/delivery", output)

    def test_refuses_tests_in_product_code_and_rocksdb_outside_storage(self):
        self.write("stats/a.cc", '#include "tests/kit/data.h"\n')
        self.write("services/response/b.cc", "#include <rocksdb/db.h>\n")
        status, output = self.check()
        self.assertEqual(status, 1)
        self.assertIn("stats/a.cc:1: stats may not use tests", output)
        self.assertIn("services/response/b.cc:1: only platform/storage includes", output)

    def test_knows_the_room_of_every_file_of_this_repository(self):
        result = subprocess.run([sys.executable, CHECKER], capture_output=True, text=True, check=False)
        self.assertEqual((result.returncode, result.stdout), (0, ""))

    def configure(self, stats_deps):
        self.write("CMakeLists.txt", PROJECT)
        for room, deps in (("platform/core", ""), ("platform/http", "rondo::core"),
                           ("stats", stats_deps)):
            name = room.rsplit("/", maxsplit=1)[-1]
            self.write(f"{room}/{name}.cc", "")
            self.write(f"{room}/CMakeLists.txt",
                       f"rondo_library({name} SOURCES {name}.cc DEPS {deps})\n")
        return subprocess.run(
            ["cmake", "-G", "Ninja", "-S", self.root, "-B", self.root / "build"],
            capture_output=True, text=True, check=False)

    def test_cmake_refuses_a_forbidden_edge(self):
        allowed = self.configure("rondo::core")
        self.assertEqual(allowed.returncode, 0, allowed.stderr)
        forbidden = self.configure("rondo::http")
        self.assertNotEqual(forbidden.returncode, 0)
        self.assertIn("may not use rondo::http (platform/http)", " ".join(forbidden.stderr.split()))


if __name__ == "__main__":
    unittest.main()
