"""Random expressions of the rule language, each with its variables, drawn from one seed.

Mostly well typed; some are not on purpose, some are checked only while they run (dyn). Types are
names ("int") or tuples: ("list", T), ("map", K, V), ("optional", T).
"""

import random
import re

import grammar
from grammar import KEYS, SCALARS, VARIABLES, WORDS


class Node:
    """A part of an expression: its pieces are text and parts; `type` is what it is meant to be.

    `scope` of a macro: what it runs over, its variables, and what is evaluated with them. `pairs`: the
    peer is asked for the pairs of the map that this makes.
    """

    def __init__(self, type_, *pieces, binds=(), name=None, scope=None, pairs=False):
        self.type = type_
        self.pieces = pieces
        self.binds = binds
        self.name = name
        self.scope = scope
        self.pairs = pairs
        self.children = [piece for piece in pieces if isinstance(piece, Node)]
        # Variables of macros around this part: without them it does not stand alone.
        self.free = {name} if name else set().union(*(c.free for c in self.children)) - set(binds)

    def text(self):
        return "".join(p if isinstance(p, str) else p.text() for p in self.pieces)

    def text_for_peer(self):
        if not self.pairs:
            return self.text()
        range_, (key, value), bodies = self.scope
        condition = f"{bodies[0].text()}, " if len(bodies) == 2 else ""
        return (
            f"{range_.text()}.transformList({key}, {value}, {condition}"
            f"[dyn({key}), dyn({bodies[-1].text()})])"
        )

    def parts(self):
        """The largest parts below that stand alone."""
        for child in self.children:
            if child.free:
                yield from child.parts()
            else:
                yield child

    def replaced(self, values):
        """This part with `values` (name to part) for variables; names are never used twice."""
        if not self.free & values.keys():
            return self
        if self.name:
            return Node(self.type, "(", values[self.name], ")")
        pieces = [p if isinstance(p, str) else p.replaced(values) for p in self.pieces]
        scope = self.scope
        if scope:
            scope = (scope[0].replaced(values), scope[1], [body.replaced(values) for body in scope[2]])
        return Node(self.type, *pieces, binds=self.binds, scope=scope)


class Case:
    """One expression with its variables; the same seed gives the same."""

    def __init__(self, seed):
        self.seed = seed
        draw = Writer(random.Random(seed))
        self.check = draw.random.random() < 0.75
        self.bindings = {name: draw.value(type_) for name, type_ in VARIABLES.items()}
        self.node = draw.whole(draw.any_type(2), draw.random.randint(1, 5))


class Writer:
    def __init__(self, random_):
        self.random = random_
        self.locals = []  # (name, type)
        self.names = 0
        # Now and then brackets are left out, and precedence decides.
        self.bare = random_.random() < 0.1

    def one_in(self, n):
        return self.random.randrange(n) == 0

    def pick(self, options):
        return options[self.random.randrange(len(options))]

    def value(self, type_):
        """Of a variable, as Python has it; instants and lengths of time in microseconds."""
        if type_[0] == "list":
            return [self.value(type_[1]) for _ in range(self.random.randrange(4))]
        if type_[0] == "map":
            return {key: self.value(type_[2]) for key in ("a", "k", "x y") if self.one_in(2)}
        values = {
            "int": [0, 1, -1, 5, 42, 2**63 - 1, -(2**63), self.random.randint(-(10**6), 10**6)],
            "uint": [0, 1, 7, 2**63, 2**64 - 1],
            "double": [0.0, -0.0, 1.0, -2.75, 1e300, *map(float, ("inf", "-inf", "nan"))],
            "bool": [False, True],
            "string": ["", "a", "abc", "k", "Grüße", "12", "x y", "\u20ac\U0001F600"],
            "bytes": [b"", b"abc", b"\xff", "é".encode()],
            "timestamp": [0, 1_700_000_000_123_456, -1, -62_135_510_400_000_000, 951_782_400_000_000],
            "duration": [0, 1, -1_500_000, 3_600_000_000, 86_400_000_000 * 36_500],
        }
        return self.pick(values[type_])

    def any_type(self, depth):
        draw = self.random.randrange(20)
        if depth == 0 or draw < 14:
            return self.pick(SCALARS + ("bool", "int", "string"))
        if draw < 16:
            return ("list", self.any_type(depth - 1))
        if draw < 18:
            return ("map", self.pick(KEYS), self.any_type(depth - 1))
        return ("optional", self.pick(SCALARS)) if draw < 19 else "type"

    # ---- expressions of a type

    def whole(self, type_, depth):
        if type_[0] == "map" and not self.bare and self.one_in(2):
            return self.transformed(type_, depth - 1)
        return self.made(type_, depth)

    def expression(self, type_, depth):
        if self.one_in(70):
            type_ = self.any_type(1)  # Of the wrong type, perhaps.
        if self.one_in(40):
            inner = self.expression(self.any_type(1) if self.one_in(4) else type_, depth - 1)
            return Node(type_, "dyn(null)") if self.one_in(8) else Node(type_, "dyn(", inner, ")")
        known = [(name, name) for name, of in self.locals if of == type_]
        known += [(name, None) for name, of in VARIABLES.items() if of == type_]
        if known and self.one_in(3 if depth > 0 else 2):
            text, name = self.pick(known)
            return Node(type_, text, name=name)
        return self.made(type_, depth) if depth > 0 else self.literal(type_)

    def operand(self, type_, depth):
        """An expression in brackets, unless they are left out."""
        node = self.expression(type_, depth)
        first = node.pieces[0]
        simple = isinstance(first, str) and not first.startswith("-") and len(node.pieces) == 1
        return node if self.bare or simple else Node(type_, "(", node, ")")

    def made(self, type_, depth):
        """By a form of the type, or by one that any type has."""
        common = self.random.randrange(14)
        if common == 0:
            return self.filled("<bool> ? <T> : <T>", type_, depth)
        if common == 1:
            return self.bound(type_, depth - 1)
        if common == 2 and type_[0] != "optional":
            return self.filled(self.pick(("<O>.orValue({T})", "<O>.orValue({T})", "<O>.value()")), type_, depth)
        if common == 3 and type_[0] != "optional":
            return self.indexed(type_, depth - 1)
        kind = type_ if isinstance(type_, str) else type_[0]
        own = getattr(self, "make_" + kind, None)
        made = own(type_, depth - 1) if own else None
        return made or self.filled(self.pick(grammar.FORMS[kind]), type_, depth)

    def filled(self, form, type_, depth):
        """`form` with its places filled. T is the form's own type, O an optional of it."""
        pieces = []
        for text in re.split(r"([{<]\w+[}>]|ZONE|PATTERN)", form):
            if text == "ZONE":
                pieces.append(f"'{self.pick(grammar.ZONES)}'")
            elif text == "PATTERN":
                pieces.append(self.pick(grammar.PATTERNS))
            elif text[:1] in "{<" and text[-1:] in "}>" and len(text) > 2:
                word = text[1:-1]
                of = {"T": type_, "O": ("optional", type_)}.get(word) or self.pick(WORDS.get(word, (word,)))
                pieces.append((self.operand if text[0] == "<" else self.expression)(of, depth - 1))
            elif text:
                pieces.append(text)
        return Node(type_, *pieces)

    def indexed(self, type_, depth):
        if self.one_in(2):
            place = self.pick((Node("int", "0"), Node("int", "1"), self.expression("int", 0)))
            return Node(type_, self.operand(("list", type_), depth), "[", place, "]")
        key = self.pick(KEYS)
        return Node(type_, self.operand(("map", key, type_), depth), "[", self.expression(key, 0), "]")

    # ---- macros

    def scope(self, *types):
        self.names += 1
        names = [f"{letter}{self.names}" for letter, _ in zip("vw", types)]
        self.locals += list(zip(names, types))
        return names

    def bodies(self, names, types, depth):
        parts = [self.expression(type_, depth) for type_ in types]
        del self.locals[len(self.locals) - len(names) :]
        return parts, [piece for part in parts for piece in (", ", part)]

    def bound(self, type_, depth):
        of = self.any_type(1)
        value = self.expression(of, depth)
        names = self.scope(of)
        parts, pieces = self.bodies(names, [type_], depth)
        scope = (value, names, parts)
        return Node(type_, f"cel.bind({names[0]}, ", value, *pieces, ")", binds=names, scope=scope)

    def macro(self, type_, name, range_type, types, depth, two=False):
        """RANGE.name(v, …) or RANGE.name(v, w, …); `types` are those of what follows."""
        range_ = self.operand(range_type, depth)
        if two:
            variables = ("int", range_type[1]) if range_type[0] == "list" else range_type[1:]
        else:
            variables = (range_type[1],)
        names = self.scope(*variables)
        parts, pieces = self.bodies(names, types, depth)
        head = f".{name}({', '.join(names)}"
        return Node(type_, range_, head, *pieces, ")", binds=names, scope=(range_, names, parts))

    def with_condition(self, type_):
        return ["bool", type_] if self.one_in(3) else [type_]

    # Only as a whole expression: the peer's package lacks cel.@mapInsert, into which the macro expands,
    # so it is asked for the same macro's pairs.
    def transformed(self, type_, depth):
        range_type = self.pick((("map", type_[1], self.pick(SCALARS)), ("list", self.pick(SCALARS))))
        node = self.macro(type_, "transformMap", range_type, self.with_condition(type_[2]), depth, True)
        node.pairs = True
        return node

    # ---- what a type has beside its forms; None leaves it to them

    def make_int(self, type_, depth):
        return self.extreme(type_, depth) if self.one_in(12) else None

    make_uint = make_double = make_int

    def extreme(self, type_, depth):
        types = [type_] * self.random.randint(1, 4)
        if self.one_in(4):
            types = [("list", type_)]
        elif self.one_in(4):
            types[-1] = self.pick(WORDS["number"])
        pieces = [piece for of in types for piece in (", ", self.expression(of, depth))]
        return Node(type_, self.pick(("math.greatest(", "math.least(")), *pieces[1:], ")")

    def make_bool(self, type_, depth):
        draw = self.random.randrange(8)
        if draw == 0:
            of = self.pick(SCALARS)
            return self.compared(("<", "<=", ">", ">=", "==", "!="), of, depth)
        if draw == 1:
            return self.compared(("==", "!="), self.any_type(2), depth)
        if draw == 2:
            return self.included(depth)
        if draw > 4:
            return None
        name = self.pick(("all", "exists", "exists_one", "existsOne"))
        two = name == "existsOne" or (name != "exists_one" and self.one_in(2))
        element = self.pick(("int", "string", "bool", "double", "uint"))
        range_type = ("map", self.pick(KEYS), element) if self.one_in(3) else ("list", element)
        return self.macro("bool", name, range_type, ["bool"], depth, two)

    def compared(self, operators, of, depth):
        return Node("bool", self.operand(of, depth), f" {self.pick(operators)} ", self.operand(of, depth))

    def included(self, depth):
        key = self.pick(KEYS)
        item = self.operand(key, depth)
        if self.one_in(2):
            item = Node(key, "dyn(", item, ")")
        map_ = ("map", self.pick((key, "int")), self.any_type(0))
        container = self.pick((map_, ("list", key), ("list", self.pick((key, "double")))))
        return Node("bool", item, " in ", self.operand(container, depth))

    def make_string(self, type_, depth):
        return self.formatted(depth) if self.one_in(8) else None

    def formatted(self, depth):
        pattern = []
        items = []
        for _ in range(self.random.randint(0, 3)):
            verb = self.pick("sssdfexXobq")
            precision = self.pick(("", "", ".0", ".1", ".3", ".12", ".")) if verb in "fe" else ""
            # What stands between keeps one number from the next.
            pattern += [self.pick((" ", "; ", " %% ", " x ")), f"%{precision}{verb}"]
            of = self.any_type(2) if verb == "s" else self.pick(self.SHOWN[verb])
            items += [", ", self.expression("string" if of[0] == "optional" else of, depth)]
        if self.one_in(20):
            pattern.append(self.pick(("%", "%.", " %s", "")))
        return Node("string", f"'{''.join(pattern)}'.format([", *items[1:], "])")

    SHOWN = {
        "d": ("int", "uint", "double"),
        "f": WORDS["number"],
        "e": WORDS["number"],
        "x": ("int", "uint", "string", "bytes"),
        "X": ("int", "uint", "string", "bytes"),
        "o": ("int", "uint"),
        "b": ("int", "uint", "bool"),
        "q": ("int",),
    }

    def make_timestamp(self, type_, depth):
        return self.literal(type_) if self.one_in(4) else None

    make_duration = make_timestamp

    def make_list(self, type_, depth):
        of = type_[1]
        # The order of a map's keys is nobody's promise, so lists are made from lists.
        range_type = ("list", self.pick(("int", "string", "double", "uint", "bool")))
        return self.pick(
            (
                lambda: self.container(type_, depth),
                lambda: self.filled("<T> + <T>", type_, depth),
                lambda: self.macro(type_, "filter", type_, ["bool"], depth),
                lambda: self.macro(type_, "map", range_type, self.with_condition(of), depth),
                lambda: self.macro(type_, "transformList", range_type, self.with_condition(of), depth, True),
                lambda: (
                    self.filled("<string>.split({string})", type_, depth)
                    if of == "string"
                    else self.container(type_, depth)
                ),
            )
        )()

    def make_map(self, type_, depth):
        return self.container(type_, depth)

    def container(self, type_, depth):
        pieces = []
        count = self.pick((0, 1, 2, 2, 3, 4))
        for i in range(count):
            item = type_[-1]
            pieces.append(", " if i else "")
            if self.one_in(8):
                pieces.append("?")
                item = ("optional", item)
            if type_[0] == "map":
                pieces += [self.key(type_[1]), ": "]
            pieces.append(self.expression(item, depth - 1) if depth > 0 else self.literal(item))
        if count and self.one_in(10):
            pieces.append(",")
        open_, close = "[]" if type_[0] == "list" else "{}"
        return Node(type_, open_, *pieces, close)

    def key(self, type_):
        keys = {"int": "0 1 2 -1", "uint": "0u 1u 2u", "bool": "true false", "string": "'a' 'k' 'b' 'c'"}
        return Node(type_, self.pick(keys[type_].split()))

    def make_optional(self, type_, depth):
        of = type_[1]
        draw = self.random.randrange(10)
        if draw < 3:
            other = self.pick(SCALARS)
            target = ("optional", other)
            name, body = self.pick((("optMap", of), ("optFlatMap", type_)))
            return self.macro(type_, name, target, [body], depth)
        if draw < 6:
            map_ = self.operand(("map", "string", of), depth)
            return Node(type_, map_, self.pick((".?a", ".?k", ".?none", "[?'a']", "[?'k']")))
        if draw < 8:
            place = self.pick((".first()", ".last()", "[?0]", "[?1]", "[?xi]"))
            return Node(type_, self.operand(("list", of), depth), place)
        if draw < 9:
            return Node(type_, self.operand(type_, depth), ".or(", self.expression(type_, depth), ")")
        name = self.pick(("optional.of(", "optional.ofNonZeroValue("))
        return Node(type_, name, self.expression(of, depth), ")")

    # ---- literals

    def literal(self, type_):
        kind = type_ if isinstance(type_, str) else type_[0]
        if kind in ("list", "map"):
            return self.container(type_, 0)
        if kind == "optional":
            if self.one_in(4):
                return Node(type_, "optional.none()")
            name = self.pick(("optional.of(", "optional.ofNonZeroValue("))
            return Node(type_, name, self.literal(type_[1]), ")")
        if kind in ("timestamp", "duration"):
            texts = grammar.TIMESTAMPS if kind == "timestamp" else grammar.DURATIONS
            return Node(type_, f"{kind}('{self.pick(texts if self.one_in(8) else texts[:8])}')")
        literals = {
            "int": grammar.INTS + [str(self.random.randint(-9, 9))] * 10,
            "uint": grammar.UINTS,
            "double": grammar.DOUBLES,
            "bool": ("true", "false"),
            "string": grammar.STRINGS,
            "bytes": grammar.BYTES,
            "type": grammar.TYPES,
        }
        return Node(type_, self.pick(literals[kind]))
