#!/usr/bin/env python3
"""lint.py must be able to fail: on sources read together, on ones whose names clash, on unused names."""

import json
import pathlib
import shutil
import tempfile
import unittest

import lint

TWICE = "#include <string>\nnamespace t {\nnamespace {\nint Twice(int a) { return 2 * a; }\n}\n"


class LintTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="rondo-lint-"))
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copy(lint.ROOT / ".clang-tidy", self.root)
        self.addCleanup(setattr, lint, "ROOT", lint.ROOT)
        lint.ROOT = self.root
        self.build = self.root / "build" / "release"
        (self.build / "CMakeFiles" / "rondo_pch.dir").mkdir(parents=True)
        (self.build / "CMakeFiles" / "rondo_pch.dir" / "cmake_pch.hxx").write_text("")

    def linter(self, **sources):
        """Of sources in one folder, by their stems."""
        folder = self.root / "services" / "x"
        folder.mkdir(parents=True)
        commands = []
        for stem, text in sources.items():
            path = folder / f"{stem}.cc"
            path.write_text(text)
            commands.append({"directory": str(self.root), "file": str(path),
                             "command": f"c++ -std=c++20 -Wall -o {stem}.o -c {path}"})
        (self.build / "compile_commands.json").write_text(json.dumps(commands))
        linter = lint.Linter(self.build)
        return linter, [f"services/x/{stem}.cc" for stem in sources]

    def test_sources_of_a_folder_are_read_together_and_good_ones_pass(self):
        linter, names = self.linter(a=TWICE + "int A() { return Twice(1); }\n}\n",
                                    b="int B() { return 1; }\n")
        self.assertEqual(linter.groups(names), [names])
        self.assertEqual(linter.findings(names), "")

    def test_a_finding_in_one_of_them_is_told_with_its_file(self):
        linter, names = self.linter(a="int A() { return 1; }\n", b="int* B() { return 0; }\n")
        self.assertIn("services/x/b.cc:1:19: error: use nullptr", linter.findings(names))

    def test_sources_whose_private_names_clash_are_read_apart(self):
        linter, names = self.linter(a=TWICE + "int A() { return Twice(1); }\n}\n",
                                    b=TWICE + "int B() { return Twice(1); }\n}\n")
        self.assertEqual(linter.findings(names), "")

    def test_a_finding_beside_a_clash_is_told_all_the_same(self):
        linter, names = self.linter(a=TWICE + "int A() { return Twice(1); }\n}\n",
                                    b=TWICE + "int* B() { return Twice(1) > 2 ? 0 : nullptr; }\n}\n")
        self.assertIn("use nullptr", linter.findings(names))

    def test_a_name_that_is_never_mentioned_again_is_unused(self):
        self.linter(a="using ::testing::HasSubstr;\nusing std::string;\nstring Name();\n")
        self.assertEqual(lint.unused_names("services/x/a.cc"), ["HasSubstr"])


if __name__ == "__main__":
    unittest.main()
