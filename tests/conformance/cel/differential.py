#!/usr/bin/env python3
"""rules/ against Google's C++ runtime: the same random expressions give the same answers.

    build/venv/bin/python tests/conformance/cel/differential.py --rondo build/release/rondo
        [--first SEED] [--count N] [--verbose]

Seeds SEED, SEED + 1, … each make one expression with its variables; the defaults are 0 and 10,000
(100,000 with RONDO_LONG=1). A difference is narrowed to the smallest parts that differ by themselves; each must
fall into a class of differences.py. Exit 1: one did not, and was printed with the seed that replays it. Exit 77: the
peer is not installed.
"""

import argparse
import collections
import os
import sys
import time

try:
    from runtimes import Peer, Rondo, literal, same
except ImportError as error:
    print(f"NO PEER: {error}; `./x setup` installs cel-expr-python into build/venv", file=sys.stderr)
    sys.exit(1 if os.environ.get("CI") == "true" else 77)

from differences import CLASSES, Difference
from expressions import Case, Node
from grammar import VARIABLES

LONGEST_TEXT = 20_000  # Of a macro's body with its items written in.
MOST_PRINTED = 20
MOST_CLASSES = 20  # More would explain anything.


def ask(peer, case, node):
    return peer.answer(node.text_for_peer(), case.bindings, case.check, node.pairs)


class Narrowing:
    """The smallest differing parts of one case."""

    def __init__(self, rondo, peer, case):
        self.rondo, self.peer, self.case = rondo, peer, case
        self.seen = {}

    def answers(self, node):
        text = node.text()
        if text not in self.seen:
            self.seen[text] = (
                self.rondo.answer(text, self.case.bindings, self.case.check),
                ask(self.peer, self.case, node),
            )
        return self.seen[text]

    def differs(self, node):
        ours, theirs = self.answers(node)
        return not same(ours[0], theirs[0])

    def with_items(self, node):
        """What the macro `node` evaluates, with each item of its range in place of its variables."""
        range_, names, bodies = node.scope
        value = self.answers(range_)[0][0]
        if value is None:
            return
        if node.text().startswith("cel.bind("):
            items = [[range_]]
        elif value[0] == "optional":
            items = [[Node("", "(", range_, ").value()")]]
        elif value[0] == "list":
            items = [
                [Node("int", str(i)), Node("", "(", range_, f")[{i}]")][-len(names) :]
                for i in range(len(value[1]))
            ]
        elif value[0] == "map":
            keys = [literal(key) for key, _ in value[1]]
            items = [[Node("", key), Node("", "(", range_, f")[{key}]")][: len(names)] for key in keys]
        else:
            return
        for item in items:
            for body in bodies:
                replaced = body.replaced(dict(zip(names, item)))
                if len(replaced.text()) < LONGEST_TEXT:
                    yield replaced

    def smallest(self, node):
        below = list(node.parts())
        if node.scope:
            below += self.with_items(node)
        smaller = [part for part in below if self.differs(part)]
        if not smaller:
            return [node]
        return [found for part in smaller for found in self.smallest(part)]

    def differences(self):
        for node in self.smallest(self.case.node):
            (ours, our_error), (theirs, their_error) = self.answers(node)
            yield Difference(
                node,
                ours,
                our_error,
                theirs,
                their_error,
                lambda text: self.peer.answer(text, self.case.bindings, self.case.check)[0],
            )


def class_of(difference):
    return next((known.name for known in CLASSES if known.explains(difference)), None)


def report(case, difference, command):
    bindings = {name: value for name, value in case.bindings.items() if name in case.node.text()}
    print(
        f"\nseed {case.seed}: {'checked' if case.check else 'not checked'}\n"
        f"  expression  {case.node.text()}\n  variables   {bindings}\n"
        f"  the part    {difference.text}\n"
        f"  rondo says  {difference.rondo or difference.rondo_said}\n"
        f"  the peer    {difference.peer or difference.peer_said}\n"
        f"  again       {command} --first {case.seed} --count 1"
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rondo", required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100_000 if os.environ.get("RONDO_LONG") else 10_000)
    parser.add_argument("--verbose", action="store_true", help="one example of each class")
    options = parser.parse_args()
    start = time.monotonic()
    rondo, peer = Rondo(options.rondo, VARIABLES), Peer(VARIABLES)
    explained = collections.Counter()
    unexplained = values = differing = 0
    shown = set()
    for begin in range(options.first, options.first + options.count, 1000):
        cases = [Case(seed) for seed in range(begin, min(begin + 1000, options.first + options.count))]
        ours = rondo.answers([(case.node.text(), case.bindings, case.check) for case in cases])
        for case, (our, _) in zip(cases, ours):
            values += our is not None
            if same(our, ask(peer, case, case.node)[0]):
                continue
            differing += 1
            for difference in Narrowing(rondo, peer, case).differences():
                name = class_of(difference)
                explained[name] += 1
                if name is None:
                    unexplained += 1
                if unexplained < MOST_PRINTED if name is None else options.verbose and name not in shown:
                    shown.add(name)
                    report(case, difference, f"{sys.executable} {__file__} --rondo {options.rondo}")
    print(
        f"\n{options.count} expressions, {values} of them with a value; {differing} differ, "
        f"{time.monotonic() - start:.0f} s"
    )
    for name, count in explained.most_common():
        print(f"{count:8}  {name or 'UNEXPLAINED'}")
    if len(CLASSES) > MOST_CLASSES:
        sys.exit(f"{len(CLASSES)} classes of differences; at most {MOST_CLASSES} may be named")
    sys.exit(1 if unexplained else 0)


main()
