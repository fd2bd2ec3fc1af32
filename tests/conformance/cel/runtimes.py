"""The two runtimes, and their answers as values that compare.

An answer is a value or None, which is any error. A value is (type, content): ("int", 42),
("list", [values]), ("map", [(key, value)]), ("optional", value or None), ("timestamp", nanoseconds).
"""

import atexit
import base64
import json
import math
import re
import subprocess
from datetime import datetime, timedelta, timezone

from cel_expr_python import cel

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
INFINITIES = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


def nanoseconds(text):
    """Of a timestamp as RFC 3339 in UTC, or of a duration such as -1.5s."""
    whole, _, decimals = text[:-1].partition(".")
    nanos = int(decimals.ljust(9, "0")) if decimals else 0
    if ":" in whole:
        year, month, day, hour, minute, second = map(int, re.split("[-T:]", whole))
        since = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc) - EPOCH
        return (since.days * 86_400 + since.seconds) * 10**9 + nanos
    return int(whole) * 10**9 + (-nanos if whole.startswith("-") else nanos)


def literal(value):
    """A value as an expression."""
    type_, inner = value
    if type_ == "double":
        return f"double('{inner!r}')"
    if type_ == "string":
        return "'" + "".join(f"\\U{ord(c):08x}" for c in inner) + "'"
    if type_ == "bytes":
        return "b'" + "".join(f"\\x{byte:02x}" for byte in inner) + "'"
    if type_ == "list":
        return "[" + ", ".join(f"dyn({literal(item)})" for item in inner) + "]"
    if type_ == "map":
        return "{" + ", ".join(f"dyn({literal(k)}): dyn({literal(v)})" for k, v in inner) + "}"
    if type_ == "optional":
        return "optional.none()" if inner is None else f"optional.of({literal(inner)})"
    if type_ == "timestamp":
        return f"(timestamp(0) + duration('{inner // 10**9}s') + duration('{inner % 10**9}ns'))"
    if type_ == "duration":
        return f"(duration('{inner // 10**9}s') + duration('{inner % 10**9}ns'))"
    return {"bool": str(inner).lower(), "uint": f"{inner}u", "null": "null"}.get(type_) or str(inner)


# ---- rondo


class Rondo:
    """`rondo rules eval --batch`."""

    PRIMITIVES = {
        "int": "INT64",
        "uint": "UINT64",
        "double": "DOUBLE",
        "bool": "BOOL",
        "string": "STRING",
        "bytes": "BYTES",
    }

    def __init__(self, binary, variables):
        self.binary = binary
        self.types = variables
        self.process = None  # For single answers.
        self.declarations = [
            f'name: "{name}" ident {{ type {{ {self.type_text(type_)} }} }}'
            for name, type_ in variables.items()
        ]

    def type_text(self, type_):
        if type_ in self.PRIMITIVES:
            return f"primitive: {self.PRIMITIVES[type_]}"
        if type_ in ("timestamp", "duration"):
            return f"well_known: {type_.upper()}"
        inner = [self.type_text(part) for part in type_[1:]]
        if type_[0] == "list":
            return f"list_type {{ elem_type {{ {inner[0]} }} }}"
        return f"map_type {{ key_type {{ {inner[0]} }} value_type {{ {inner[1]} }} }}"

    def line(self, text, bindings, check):
        typed = {name: self.typed(self.types[name], value) for name, value in bindings.items()}
        return (
            json.dumps(
                {
                    "id": 0,
                    "expr": text,
                    "bindings": typed,
                    "decls": self.declarations,
                    "disable_check": not check,
                }
            )
            + "\n"
        )

    def read(self, line):
        answer = json.loads(line)
        return (
            (None, self.message(answer["error"])) if "error" in answer else (self.value(answer["value"]), "")
        )

    def answers(self, requests):
        """Of (text, bindings, check) each: what came out, with the message of an error."""
        done = subprocess.run(
            [self.binary, "rules", "eval", "--batch"],
            capture_output=True,
            check=True,
            input="".join(self.line(*request) for request in requests).encode(),
        )
        lines = done.stdout.splitlines()
        if len(lines) != len(requests):
            raise RuntimeError(f"{len(requests)} requests, {len(lines)} answers: {done.stderr[:500]}")
        return [self.read(line) for line in lines]

    def answer(self, text, bindings, check):
        """Of one request, by a process that goes on."""
        if self.process is None:
            self.process = subprocess.Popen(
                [self.binary, "rules", "eval", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            atexit.register(self.process.communicate)
        self.process.stdin.write(self.line(text, bindings, check).encode())
        self.process.stdin.flush()
        return self.read(self.process.stdout.readline())

    @staticmethod
    def message(error):
        return f"{error['phase']}: {error['message']} (line {error['line']}, column {error['column']})"

    def typed(self, type_, value):
        if isinstance(type_, tuple):
            if type_[0] == "list":
                return {"t": "list", "v": [self.typed(type_[1], item) for item in value]}
            return {
                "t": "map",
                "v": [[self.typed(type_[1], k), self.typed(type_[2], v)] for k, v in value.items()],
            }
        if type_ == "bool":
            return {"t": type_, "v": value}
        if type_ == "bytes":
            return {"t": type_, "v": base64.b64encode(value).decode()}
        if type_ == "timestamp":
            return {
                "t": type_,
                "v": (EPOCH + timedelta(microseconds=value)).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0"),
            }
        if type_ == "duration":
            return {
                "t": type_,
                "v": f"{'-' if value < 0 else ''}{abs(value) // 10**6}.{abs(value) % 10**6:06}s",
            }
        if type_ == "double" and not math.isfinite(value):
            return {"t": type_, "v": next(k for k, v in INFINITIES.items() if v == value or v != v)}
        return {"t": type_, "v": str(value)}

    def value(self, json_):
        type_ = json_["t"]
        inner = json_.get("v")
        if type_ in ("int", "uint"):
            return type_, int(inner)
        if type_ == "double":
            return type_, INFINITIES.get(inner) if inner in INFINITIES else float(inner)
        if type_ == "bytes":
            return type_, base64.b64decode(inner)
        if type_ == "list":
            return type_, [self.value(item) for item in inner]
        if type_ == "map":
            return type_, [(self.value(k), self.value(v)) for k, v in inner]
        if type_ == "optional":
            return type_, self.value(inner) if inner else None
        if type_ in ("timestamp", "duration"):
            return type_, nanoseconds(inner)
        return type_, inner


# ---- Google's C++ runtime


class Peer:
    """cel-expr-python. What its Python values do not carry is asked for by a second expression."""

    EXTENSIONS = ("bindings", "encoders", "math", "optional", "strings", "two-var-comprehensions")
    # For each kind whose value Python cannot hold whole: an expression that shows it, around r.
    CARRIERS = {
        "optional": "(r.hasValue() ? [dyn(r.value())] : [])",
        "map": "r.map(k, [dyn(k), dyn(r[k])])",
        "timestamp": "string(r)",
        "duration": "string(r)",
    }
    KINDS = {
        "BOOL": "bool",
        "INT": "int",
        "UINT": "uint",
        "DOUBLE": "double",
        "STRING": "string",
        "BYTES": "bytes",
        "TIMESTAMP": "timestamp",
        "DURATION": "duration",
        "NULL": "null",
        "TYPE": "type",
    }

    def __init__(self, variables):
        extensions = "".join(f"  - name: {name}\n" for name in self.EXTENSIONS)
        self.types = variables
        self.env = cel.NewEnv(
            config=cel.NewEnvConfigFromYaml("name: peer\nextensions:\n" + extensions),
            variables={name: self.type_of(type_) for name, type_ in variables.items()},
        )

    def type_of(self, type_):
        if isinstance(type_, str):
            return getattr(cel.Type, type_.upper())
        inner = [self.type_of(part) for part in type_[1:]]
        return cel.Type.List(*inner) if type_[0] == "list" else cel.Type.Map(*inner)

    def plain(self, type_, value):
        if type_ == "timestamp":
            return EPOCH + timedelta(microseconds=value)
        return timedelta(microseconds=value) if type_ == "duration" else value

    def run(self, text, data, check):
        value = self.env.compile(text, disable_check=not check).eval(data=data)
        if self.kind(value) == "error":
            raise RuntimeError(str(value))
        return value

    def answer(self, text, bindings, check, pairs=False):
        """What came out, with the message of an error; `pairs` of a map become the map."""
        data = {name: self.plain(self.types[name], value) for name, value in bindings.items()}
        try:
            value = self.run(text, data, check)
            kind = self.kind(value)
            if pairs:
                return self.carried("map", value), ""
            if kind in self.CARRIERS:
                carrier = self.run(f"cel.bind(r, dyn({text}), {self.CARRIERS[kind]})", data, check)
                return self.carried(kind, carrier), ""
            return self.value(value), ""
        except (RuntimeError, ValueError) as error:
            return None, str(error).split("\n")[0]

    def kind(self, value):
        name = value.type().name().split("<")[0]
        # An optional claims to be an error; an error's text begins with its code.
        if name == "ERROR" and str(value).startswith("optional"):
            return "optional"
        return self.KINDS.get(name, name.lower())

    def carried(self, kind, carrier):
        if kind in ("timestamp", "duration"):
            return kind, nanoseconds(carrier.value())
        items = self.value(carrier)[1]
        if kind == "map":
            return "map", [(key, item) for _, (key, item) in items]
        return "optional", items[0] if items else None

    def value(self, value):
        kind = self.kind(value)
        if kind == "optional":
            return kind, ...  # Within another value: that it is one is all that shows.
        if kind == "null":
            return kind, None  # Its value() gives back None once too often, which ends the process in the end.
        try:
            plain = value.value()
        except TypeError:  # A string that is not UTF-8.
            return kind, str(value).encode(errors="replace")
        if kind == "uint":
            return kind, plain % 2**64
        if kind == "bytes":
            return kind, bytes(plain)
        if kind == "list":
            return kind, [self.value(item) for item in plain]
        if kind == "map":  # Within another value: keys without their number's type.
            return kind, [((type(key).__name__, key), self.value(item)) for key, item in plain.items()]
        if kind == "timestamp":  # Within another value: microseconds.
            return kind, (plain - EPOCH) // timedelta(microseconds=1) * 1000
        if kind == "duration":
            return kind, plain // timedelta(microseconds=1) * 1000
        if kind == "type":
            return kind, str(value).split("<")[0]
        return kind, plain


# ---- equality


def same(a, b, inside=False):
    """Whether rondo's answer `a` is the peer's `b`; numbers of different types differ."""
    if a is None or b is None:
        return a is b
    if a[0] != b[0]:
        return False
    x, y = a[1], b[1]
    if a[0] == "double":
        return (math.isnan(x) and math.isnan(y)) or (x == y and math.copysign(1, x) == math.copysign(1, y))
    if a[0] == "list":
        return len(x) == len(y) and all(same(i, j, True) for i, j in zip(x, y))
    if a[0] == "map":
        return len(x) == len(y) and all(any(same_key(k, m) and same(v, w, True) for m, w in y) for k, v in x)
    if a[0] == "optional":
        return y is ... or (same(x, y, True) if x and y else x is y)
    if inside and a[0] in ("timestamp", "duration"):
        return abs(x - y) < 1000
    return x == y


def same_key(a, b):
    if b[0] == "str" or b[0] not in ("int", "bool", "uint", "string") or (b[0] == "int" and a[0] == "uint"):
        return a[1] == b[1]
    return a == b
