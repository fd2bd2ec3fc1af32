"""DuckDB or ClickHouse (chdb) as a child of run_segments.py: loads the exported population and
answers the same questions in SQL.

    peers.py duckdb|clickhouse FOLDER QUERIES.json

Runs in the environment of cmake/requirements-bench.txt. The first line of output tells of the
loading; then each line of input, `NAME RUNS`, is answered by one line of JSON, and the ids go to
FOLDER/ENGINE-NAME.ids (32-bit numbers, ascending). Both engines get two threads, narrow unsigned
integers for numbers and times, enumerations for texts, and purchases in order of time.
"""

import json
import pathlib
import sys
import time

import numpy
import pyarrow

THREADS = 2
WIDTHS = {1: "u1", 2: "u2", 4: "u4"}
RENAMED = {"last_contact.email": "contacted_email", "last_contact.sms": "contacted_sms"}


def bits(file, rows):
    return numpy.unpackbits(numpy.fromfile(file, "u1"), bitorder="little")[:rows].astype(bool)


def arrow_columns(folder, column, rows):
    """Yields (name, array) of one exported column; two of a point."""
    name = RENAMED.get(column["name"], column["name"])
    file = folder / f"{column['name']}.bin"
    missing = ~bits(folder / f"{column['name']}.valid.bin", rows) if column["nullable"] else None
    kind = column["kind"]
    if kind == "flag":
        yield name, pyarrow.array(bits(file, rows), mask=missing)
    elif kind == "real":
        yield name, pyarrow.array(numpy.fromfile(file, "f8"), mask=missing)
    elif kind == "point":
        yield "latitude", pyarrow.array(numpy.fromfile(file, "i4") / 1e7, mask=missing)
        longitudes = numpy.fromfile(folder / f"{column['name']}.longitude.bin", "i4") / 1e7
        yield "longitude", pyarrow.array(longitudes, mask=missing)
    else:
        numbers = pyarrow.array(numpy.fromfile(file, WIDTHS[column["width"]]), mask=missing)
        if kind == "code":
            numbers = pyarrow.DictionaryArray.from_arrays(numbers.cast("int32"), column["dictionary"])
        yield name, numbers


def arrow_table(folder, columns, rows, numbered):
    arrays = {"customer": pyarrow.array(numpy.arange(rows, dtype="u4"))} if numbered else {}
    for column in columns:
        arrays.update(arrow_columns(folder, column, rows))
    return pyarrow.table(arrays)


def resident_bytes():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096


class DuckDb:
    def __init__(self, folder):
        import duckdb
        self.database = duckdb.connect(":memory:", config={"threads": THREADS})

    def create(self, name, table, columns):
        texts = {c["name"]: c["dictionary"] for c in columns if c["kind"] == "code"}
        for column, words in texts.items():
            listed = ", ".join(f"'{word}'" for word in words)
            self.database.execute(f"create type {column}_code as enum ({listed})")
        chosen = ", ".join(f"cast({c} as {c}_code) as {c}" if c in texts else c
                           for c in table.column_names)
        self.database.register("given", table)
        self.database.execute(f"create table {name} as select {chosen} from given")
        self.database.unregister("given")

    def create_segment(self, name, sql):
        self.database.execute(f"create table {name} as select customer from ({sql}) s order by 1")

    def select(self, sql):
        return self.database.execute(sql).fetchnumpy()["customer"]


class ClickHouse:
    def __init__(self, folder):
        from chdb import session
        self.folder = folder
        self.session = session.Session(str(folder / "clickhouse"))

    def create(self, name, table, columns):
        texts = {c["name"]: c["dictionary"] for c in columns if c["kind"] == "code"}
        types = []
        for field in table.schema:
            if field.name in texts:
                words = texts[field.name]
                listed = ", ".join(f"'{word}' = {i}" for i, word in enumerate(words))
                kind = f"Enum{8 if len(words) <= 127 else 16}({listed})"
            else:
                kind = {"uint8": "UInt8", "uint16": "UInt16", "uint32": "UInt32", "bool": "Bool",
                        "double": "Float64"}[str(field.type)]
            if table[field.name].null_count:
                kind = f"Nullable({kind})"
            types.append(f"{field.name} {kind}")
        order = "customer" if name == "customers" else "seconds"
        file = self.folder / f"{name}.arrow"
        with pyarrow.ipc.new_file(str(file), table.schema) as out:
            out.write_table(table)
        self.session.query(f"create table {name} ({', '.join(types)}) engine = MergeTree order by {order}")
        self.session.query(f"insert into {name} select * from file('{file}', 'Arrow')")
        self.session.query(f"optimize table {name} final")
        file.unlink()

    def create_segment(self, name, sql):
        self.session.query(f"create table {name} (customer UInt32) engine = MergeTree order by customer")
        self.session.query(f"insert into {name} {sql}")
        self.session.query(f"optimize table {name} final")

    def select(self, sql):
        answer = self.session.query(f"{sql} settings max_threads = {THREADS}", "RowBinary")
        return numpy.frombuffer(answer.bytes(), "u4")


def main():
    engine, folder, queries = sys.argv[1], pathlib.Path(sys.argv[2]), json.loads(
        pathlib.Path(sys.argv[3]).read_text())
    schema = json.loads((folder / "schema.json").read_text())
    # A dialect may have a form of its own where that is faster.
    filled = {name: query.get(engine, query["sql"]).replace("{now}", str(schema["now"]))
              for group in queries.values() for name, query in group.items()}
    peer = {"duckdb": DuckDb, "clickhouse": ClickHouse}[engine](folder)
    before = resident_bytes()
    start = time.perf_counter()
    for name, rows in (("customer", schema["customers"]), ("purchase", schema["purchases"])):
        columns = schema[f"{name}_columns"]
        table = arrow_table(folder, columns, rows, numbered=name == "customer")
        peer.create(f"{name}s", table, columns)
        del table
    took = time.perf_counter() - start
    pyarrow.default_memory_pool().release_unused()
    for name in queries["segments"]:
        peer.create_segment(f"segment_{name}", filled[name])
    print(json.dumps({"load_ms": took * 1000, "memory_bytes": resident_bytes() - before}), flush=True)
    for line in sys.stdin:
        name, runs = line.split()
        times = []
        for _ in range(int(runs) + 1):
            start = time.perf_counter()
            ids = peer.select(filled[name])
            times.append((time.perf_counter() - start) * 1000)
        ids = numpy.sort(numpy.asarray(ids).astype("u4"))
        ids.tofile(folder / f"{engine}-{name}.ids")
        print(json.dumps({"ms": times[1:], "rows": len(ids)}), flush=True)


if __name__ == "__main__":
    main()
