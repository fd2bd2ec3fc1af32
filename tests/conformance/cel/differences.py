"""Where the two runtimes differ, and who is right: the only differences that the test allows.

Each class looks at the smallest part of an expression that differs by itself.
"""

import re
from dataclasses import dataclass
from typing import Any, Callable

from runtimes import literal, same


@dataclass
class Difference:
    """Answers as in runtimes.py: a value, or None for an error, of which `…_said` is the message."""

    node: Any  # The part (expressions.Node).
    rondo: tuple | None
    rondo_said: str
    peer: tuple | None
    peer_said: str
    ask_peer: Callable  # (text) -> the peer's answer to another expression over the same variables.

    @property
    def text(self):
        return self.node.text()


@dataclass
class Class:
    name: str
    right: str  # Who is right, by which clause of cel-spec (langdef.md unless named).
    example: str
    explains: Callable  # (Difference) -> bool


def rondo_fails(d, *needles):
    return d.rondo is None and d.peer is not None and all(needle in d.rondo_said for needle in needles)


def peer_fails(d, *needles):
    return d.peer is None and d.rondo is not None and all(needle in d.peer_said for needle in needles)


def unused_binding(d):
    """The value of a binding fails, and nothing asks for it."""
    scope = d.node.scope
    return (
        rondo_fails(d)
        and scope is not None
        and d.text.startswith("cel.bind(")
        and d.ask_peer(scope[0].text()) is None
    )


NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?|[+-]?Infinity|-?inf|NaN|-?nan")
INFINITIES = {"Infinity": "inf", "-Infinity": "-inf", "NaN": "nan", "-nan": "nan"}


def numbers_of(text):
    """The numbers in `text`, and what stands between them."""
    numbers = [float(INFINITIES.get(number, number)) for number in NUMBER.findall(text)]
    return numbers, NUMBER.split(text)


def close(a, b, digits):
    """Equal, or equal to six digits (`digits`), before or after the point."""
    return a == b or (a != a and b != b) or (digits == 6 and abs(a - b) <= max(5.1e-7, 5.1e-6 * abs(a)))


def same_but_for_digits(d, digits=None):
    if not (d.rondo and d.peer and d.rondo[0] == d.peer[0] == "string"):
        return False
    ours, our_rest = numbers_of(d.rondo[1])
    theirs, their_rest = numbers_of(d.peer[1])
    return (
        our_rest == their_rest
        and len(ours) == len(theirs)
        and all(close(a, b, digits) for a, b in zip(ours, theirs))
    )


def string_of(d, type_):
    kind = d.ask_peer(f"type({d.text.removeprefix('string(').removesuffix(')')})")
    return d.text.startswith("string(") and kind == ("type", type_)


def with_values(d):
    """The peer's answer to the part with the values of its own parts written in, which the runtimes agree on."""
    text = d.text
    for part in d.node.parts():
        answer = d.ask_peer(part.text_for_peer())
        text = text.replace(part.text(), "dyn(1 / 0)" if answer is None else f"dyn({literal(answer)})", 1)
    return d.ask_peer(text)


def beyond_nanoseconds(d):
    if peer_fails(d, "integer overflow"):
        return d.rondo[0] == "duration" and abs(d.rondo[1]) > LONGEST_NANOSECONDS
    if d.rondo is None:  # Out of range by more than 64 bits.
        return rondo_fails(d, "out of range") and d.peer[0] in ("timestamp", "duration")
    return (
        d.peer is not None and d.rondo[0] == d.peer[0] == "duration" and abs(d.rondo[1]) > LONGEST_NANOSECONDS
    )


LACKING = (" : _[?_](list, double)", " : _[?_](list, uint64)", " : @in", " : duration(int64)")
ORDERED = re.compile(
    r"no matching overload for '_[<>]=?_' applied to '\((int|uint|double), (int|uint|double)\)'"
)


def overloads(d):
    if peer_fails(d):
        return d.peer_said.endswith(LACKING) or ORDERED.search(d.peer_said) is not None
    return rondo_fails(d, "no such overload: int(bool)") and d.text.startswith("int(")


def open_type(d):
    """A part whose type nobody knows, which the two checkers take for different ones."""
    if peer_fails(d, "of type 'dyn' cannot be the range of a comprehension"):
        return True
    refused = rondo_fails(d, "check: no matching overload") or peer_fails(d, "found no matching overload")
    return refused and re.search(r"optional\.none\(\)|\{\}|\[\]|\bdyn\(.* - ", d.text) is not None


LONGEST_NANOSECONDS = 2**63 - 1

CLASSES = [
    Class(
        "unused binding",
        'Both. "Local bindings are not guaranteed to be evaluated before use" (cel-go, ext/README, Bindings).',
        "cel.bind(x, 1 / 0, 2)",
        unused_binding,
    ),
    Class(
        "form of a double",
        "Both: string() is a conversion whose form is left open. rondo writes no exponents between 1e-4 and 1e21, "
        "and NaN and Infinity as string.format does.",
        "string(1000000.0)",
        lambda d: string_of(d, "double") and same_but_for_digits(d),
    ),
    Class(
        "decimals of seconds",
        "Both: RFC 3339, 5.6 (time-secfrac) takes any number of digits. rondo writes as few as needed, the peer 3, "
        "6 or 9.",
        "string(duration('1.5s'))",
        lambda d: (string_of(d, "google.protobuf.Duration") or string_of(d, "google.protobuf.Timestamp"))
        and same_but_for_digits(d),
    ),
    Class(
        "digits in format",
        "rondo. doc/extensions/strings.md: a double is shown in base 10 without insignificant zeros, by %s as by "
        "%d; a year has four digits (RFC 3339, 5.6).",
        "'%d'.format([3.14])",
        lambda d: ".format(" in d.text and same_but_for_digits(d, digits=6),
    ),
    Class(
        "text of a timestamp",
        "rondo. RFC 3339, 5.6: two digits each; google.protobuf.Timestamp has neither leap seconds nor more than "
        "nine decimals.",
        "timestamp('2023-1-1T00:00:00Z')",
        lambda d: rondo_fails(d, "no timestamp of RFC 3339") and d.text.startswith("timestamp("),
    ),
    Class(
        "text of a number",
        "rondo. A number is written as its literal (Lexis): no spaces around it, no hexadecimal double.",
        "double(' 1')",
        lambda d: rondo_fails(d, "the text is no ") and d.text.startswith(("int(", "uint(", "double(")),
    ),
    Class(
        "microseconds by their sign",
        "Both: the units' list of duration() is that of the Go library, whose µs is us.",
        "duration('1\u00b5s')",
        lambda d: peer_fails(d, "String to Duration") and "\u00b5s" in d.text,
    ),
    Class(
        "range of durations",
        "rondo. Overflow: an error only beyond the type's range, which google.protobuf.Duration gives as 10,000 "
        "years; the peer counts nanoseconds in 64 bits.",
        "timestamp('9999-01-01T00:00:00Z') - timestamp('0001-01-01T00:00:00Z')",
        beyond_nanoseconds,
    ),
    Class(
        "time zones",
        "rondo. Timezones: a fixed one has a sign, two digits, a colon, two digits; an empty name is none.",
        "timestamp(0).getHours('+9:00')",
        lambda d: rondo_fails(d, "unknown time zone"),
    ),
    Class(
        "dyn as optional entry",
        "rondo. Gradual Type Checking: dyn is the union of all types, so that the checker may not refuse it.",
        "[?dyn(optional.none())]",
        lambda d: peer_fails(d, "expected type 'optional_type(", "but found 'dyn'"),
    ),
    Class(
        "duplicate key found early",
        "rondo. Logical Operators: an error is ignored where another operand decides; the peer refuses the whole "
        "expression while it folds constants.",
        "true || {1: 2, 1: 3}.size() > 0",
        lambda d: peer_fails(d, "duplicate key in map [ALREADY_EXISTS]"),
    ),
    Class(
        "overloads",
        "rondo. Proposal 246: [?i] is [i] with an absent place allowed, and [i] takes uints and whole doubles. "
        "List of Standard Definitions: `in` is (A, map(A, B)), so that any value may be asked for; int() takes no "
        "bool, which the peer's runtime does where nothing is checked. Equality and Ordering: numbers lie on one "
        "line whatever their types, also where types are checked. duration(int) the peer declares, but lacks.",
        "[1][?dyn(0.0)]; dyn(null) in {1: 2}; int(true), unchecked; 1 < 1.5; duration(1)",
        overloads,
    ),
    Class(
        "greatest of no number",
        'rondo. cel-go, ext/README, Math: math.greatest(a, b) is a "check-time error if a or b is non-numeric", an '
        "empty list is an error, and not before it is evaluated.",
        "[].map(x, math.greatest(1, true))",
        lambda d: rondo_fails(d, "takes numbers, not")
        or peer_fails(d, "invalid single argument value")
        or peer_fails(d, "simple literal arguments must be numeric"),
    ),
    Class(
        "substring to the end",
        "rondo. cel-go, ext/README, Strings: the end is exclusive, and an error only beyond the string's length.",
        "'abc'.substring(0, 3)",
        lambda d: peer_fails(d, "<start> or <end> is greater than <string>.size()")
        and ".substring(" in d.text,
    ),
    Class(
        "bytes that are no text",
        "rondo. doc/extensions/strings.md, %s of bytes: invalid UTF-8 is replaced by \\ufffd; the peer's string has it.",
        "'%s'.format([b'\\xff'])",
        lambda d: ".format(" in d.text and d.peer_said.startswith("'utf-8' codec can't decode"),
    ),
    Class(
        "open type",
        "rondo. Gradual Type Checking: what {}[1] is nobody knows, so that it may be a list. The first overload that "
        "takes it says what it is, as in cel-go's checker.",
        "{}[1].map(x, x); [optional.none().value() - duration('1s')] == [timestamp(0) - timestamp(0)]",
        open_type,
    ),
    Class(
        "limits",
        "Both. Performance Limits: an application may bound macros within one another; rondo refuses such rules "
        "before they run.",
        "six loops within one another",
        lambda d: rondo_fails(d, "the rule may take too long"),
    ),
    Class(
        "nothing split by nothing",
        "Both: the extension does not say; rondo gives no character of the empty text, as the reference in Go does.",
        "''.split('')",
        lambda d: ".split(" in d.text and d.rondo == ("list", []) and d.peer == ("list", [("string", "")]),
    ),
    Class(
        "order of a map",
        "Both. Aggregate Values: maps are sets of entries, so that a list made from one has any order.",
        "{1: 2, 0: 3}.map(k, k)",
        lambda d: d.node.scope is not None
        and d.rondo is not None
        and d.peer is not None
        and d.rondo[0] == d.peer[0] == "list"
        and sorted(map(repr, d.rondo[1])) == sorted(map(repr, d.peer[1]))
        and d.ask_peer(f"type({d.node.scope[0].text()})") == ("type", "map"),
    ),
    Class(
        "macros beside one another",
        "rondo. Evaluation: a part is what its value is. The peer mixes up the types of macros' parts: with the values "
        "of the parts written in, which it gives rightly, it answers as rondo.",
        "[false].transformList(i, v, i).last().optMap(x, x + 1)",
        lambda d: len(set(re.findall(r"\bv\d+\b", d.text))) > 1 and same(d.rondo, with_values(d)),
    ),
]
