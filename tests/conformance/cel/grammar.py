"""What random expressions are made of: literals, variables, and for each type the forms that give it.

In a form, `{T}` is an expression of type T, `<T>` one in brackets where it needs them; T is a type, or a
word of WORDS for any of several. ZONE and PATTERN are drawn from their lists.
"""

INTS = (
    "0 1 2 3 -1 -7 10 63 64 100 0x10 -0xff 2147483648 9007199254740993 9223372036854775807 "
    "-9223372036854775808 1700000000 -62135596800 253402300799 253402300800"
).split()
UINTS = "0u 1u 2u 3U 10u 64u 0xffu 9223372036854775808u 18446744073709551615u".split()
DOUBLES = (
    "0.0 -0.0 1.0 2.0 -1.5 2.5 0.5 .25 0.1 3.14159 1e3 -2.5e-3 1e15 123456789.125 1e16 1e21 1e-5 1e-7 "
    "1.7976931348623157e308 5e-324 9007199254740992.0 9223372036854775807.0 -9223372036854775808.0 "
    "1.8446744073709552e19"
).split()
STRINGS = r"""
'' "" 'a' 'b' 'c' 'k' 'abc' 'ABC' 'a,b,,c' 'abcabc' '\x20pad\t' '\u00e4\u00f6' '\U0001F600x'
'e\u0301' r'a\b' R'\d+' '''it's''' '\x41\101\n' '\"q\\' '\u2003x\u00a0' '12' '-5' '+7' '1.5' '1e3' '-inf'
'0x1F' '\x201' '1u' '18446744073709551616' 'true' 'TRUE' 't' 'yes' 'YWJj' 'YQ' '_-8='
""".split()
BYTES = r"b'' b'a' b'abc' b'\x00\xff' b'\303\244' bR'\n' b'ü' b'ABC'".split()
TYPES = (
    "int uint double bool string bytes list map null_type type google.protobuf.Timestamp google.protobuf.Duration"
).split()
# The first eight of each are right in any place.
TIMESTAMPS = """
2023-03-26T01:59:59Z 2024-02-29T23:59:59.123456789Z 1970-01-01T00:00:00Z 1969-12-31T23:59:59.5Z
2009-02-13T23:31:30.1+09:30 0001-01-01T00:00:00Z 9999-12-31T23:59:59.999999999Z
2023-10-29T01:00:00.000001-00:30 2023-02-29T00:00:00Z 2023-01-01T00:00:00 2023-1-1T00:00:00Z
2016-12-31T23:59:60Z 0000-01-01T00:00:00Z 2023-01-01T00:00:00.0123456789Z 1600-06-15t12:30:00z
""".split()
DURATIONS = """
0s 1s 1.5s -1.5s 90m 1h30m -2h 1ms 1us1ns 100h 8766h 315576000000s -315576000000s 315576000001s 1d 0 1 +5s
999999999ns -0.000000001s 1h-1m 1µs 9223372036.854775807s s
""".split()
ZONES = (
    "UTC Asia/Seoul America/St_Johns Australia/Lord_Howe +05:45 -02:30 02:00 Europe/Paris Nowhere/City +9:00"
).split() + [""]
PATTERNS = (
    r"'a' '^a' 'b+c$' '(a|b)*c' r'\d+' '\\w{2,3}' '(?i)ABC' '[' 'a**' r'\p{L}' '' '.' r'\bab' '(?=a)' r'(a)\1'"
).split()

SCALARS = ("int", "uint", "double", "bool", "string", "bytes", "timestamp", "duration")
KEYS = ("int", "uint", "bool", "string")
WORDS = {
    "scalar": SCALARS,
    "number": ("int", "uint", "double"),
    "key": KEYS,
    "options": tuple(("optional", type_) for type_ in SCALARS),
    "strings": (("list", "string"),),
    "names": (("map", "string", "int"), ("map", "string", "bool")),
    "sized": ("string", "bytes", ("list", "int"), ("map", "string", "uint"), ("list", "double")),
}

# The variables that every expression may use.
VARIABLES = {
    "xi": "int",
    "xu": "uint",
    "xd": "double",
    "xs": "string",
    "xb": "bytes",
    "xp": "bool",
    "xt": "timestamp",
    "xr": "duration",
    "xl": ("list", "int"),
    "xq": ("list", "string"),
    "xm": ("map", "string", "int"),
}

PARTS_OF_TIME = (
    "getFullYear getMonth getDate getDayOfMonth getDayOfWeek getDayOfYear getHours getMinutes getSeconds "
    "getMilliseconds"
).split()


def lines(text):
    return [line.strip() for line in text.strip().split("\n")]


# A form that stands twice is drawn twice as often.
FORMS = {
    "int": lines(
        """
        <int> + <int>
        <int> - <int>
        <int> * <int>
        <int> / <int>
        <int> % <int>
        -<int>
        int({number})
        int({string})
        int({timestamp})
        size({sized})
        <sized>.size()
        <string>.indexOf({string})
        <string>.lastIndexOf({string})
        <string>.indexOf({string}, {int})
        <string>.lastIndexOf({string}, {int})
        math.abs({int})
        math.sign({int})
        math.bitNot({int})
        math.bitAnd({int}, {int})
        math.bitOr({int}, {int})
        math.bitXor({int}, {int})
        math.bitShiftLeft({int}, {int})
        math.bitShiftRight({int}, {int})
        <duration>.getHours()
        <duration>.getMinutes()
        <duration>.getSeconds()
        <duration>.getMilliseconds()
        """
    )
    + [f"<timestamp>.{part}({zone})" for part in PARTS_OF_TIME for zone in ("", "ZONE")],
    "uint": lines(
        """
        <uint> + <uint>
        <uint> - <uint>
        <uint> * <uint>
        <uint> / <uint>
        <uint> % <uint>
        uint({number})
        uint({string})
        math.abs({uint})
        math.sign({uint})
        math.bitNot({uint})
        math.bitAnd({uint}, {uint})
        math.bitOr({uint}, {uint})
        math.bitXor({uint}, {uint})
        math.bitShiftLeft({uint}, {int})
        math.bitShiftRight({uint}, {int})
        """
    ),
    "double": lines(
        """
        <double> + <double>
        <double> - <double>
        <double> * <double>
        <double> / <double>
        -<double>
        double({number})
        double({string})
        math.ceil({double})
        math.floor({double})
        math.round({double})
        math.trunc({double})
        math.abs({double})
        math.sign({double})
        math.sqrt({number})
        """
    ),
    "string": lines(
        """
        <string> + <string>
        <string> + <string>
        string({scalar})
        string({scalar})
        string({scalar})
        <string>.charAt({int})
        <string>.substring({int})
        <string>.substring({int}, {int})
        <string>.lowerAscii()
        <string>.upperAscii()
        <string>.trim()
        <string>.reverse()
        <string>.replace({string}, {string})
        <string>.replace({string}, {string}, {int})
        <strings>.join()
        <strings>.join({string})
        strings.quote({string})
        base64.encode({bytes})
        """
    ),
    "bytes": lines(
        """
        <bytes> + <bytes>
        bytes({string})
        base64.decode({string})
        """
    ),
    "bool": lines(
        """
        <bool> && <bool>
        <bool> && <bool>
        <bool> || <bool>
        <bool> || <bool>
        !<bool>
        <string>.contains({string})
        <string>.startsWith({string})
        <string>.endsWith({string})
        <string>.matches(PATTERN)
        <string>.matches({string})
        has(<names>.a)
        has(<names>.`x y`)
        has(<names>.none)
        <options>.hasValue()
        math.isNaN({double})
        math.isInf({double})
        math.isFinite({double})
        bool({string})
        dyn(null) == {scalar}
        dyn({scalar}) != null
        dyn({number}) < <number>
        dyn({number}) <= <number>
        dyn({number}) > <number>
        dyn({number}) >= <number>
        dyn({number}) == <number>
        dyn({number}) != <number>
        """
    ),
    "timestamp": lines(
        """
        <timestamp> + <duration>
        <duration> + <timestamp>
        <timestamp> - <duration>
        timestamp({int})
        timestamp({string})
        """
    ),
    "duration": lines(
        """
        <duration> + <duration>
        <duration> - <duration>
        <timestamp> - <timestamp>
        duration({duration})
        duration({string})
        """
    ),
    "type": ["type({scalar})", "type({strings})", "type({names})", "type({options})"],
}
