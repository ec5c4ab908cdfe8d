"""DuckDB reads the segments as they are: while a writer runs, and to make every leaf hash again in SQL.

The leaf hashes come about twice: from nothing but the columns of the segments, in the way that
docs/format.md describes, and from the entries that `export --entries` writes. Both must be level 0 of
the tree.
"""

import collections
import re
import subprocess
import threading
import time

import duckdb

from lib import indelible

# docs/format.md, Commitments. The salt is the part's own, or follows from the event's.
COMMITMENT = r"""
    CASE WHEN "{part}" IS NULL THEN coalesce(commit_{part}, unhex(repeat('00', 32)))
    ELSE unhex(sha256('indelible/v1/{part}\x00'::BLOB
        || coalesce(salt_{part}, unhex(left(sha256('indelible/salt/v1'::BLOB || salt || '{part}'::BLOB), 32)))
        || encode("{part}"))) END"""

# docs/format.md, Entry: its bytes from the columns.
ENTRY = """
    encode('{"v":1,"id":"' || id || '","recorded_at":"' || moment_text(recorded_at) || '"'
        || coalesce(',"occurred_at":"' || moment_text(occurred_at) || '"', '')
        || ',"action":"' || action || '"'
        || coalesce(',"category":"' || category || '"', '')
        || ',"outcome":"' || outcome || '"'
        || coalesce(',"phase":"' || phase || '"', '')
        || coalesce(',"ref":"' || ref || '"', '')
        || coalesce(',"source":{"id":"' || lower(hex(source_id)) || '","seq":' || source_seq || '}', '')
        || coalesce(',"recorded_by":"' || recorded_by || '"', '')
        || ',"parts":"' || translate(rtrim(to_base64(parts), '='), '+/', '-_') || '"}')"""

PARTS = "unhex(sha256('indelible/parts/v1'::BLOB || {} || {} || {}))"


def leaves_from_segments(data):
    """SQL's leaf hash of every sealed record: [(trail, seq, hex)]."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    db.execute("CREATE MACRO moment_text(moment) AS strftime(moment AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')")
    parts = PARTS.format(*(COMMITMENT.format(part=part) for part in ("who", "where", "what")))
    return db.execute(
        f"""SELECT trail, seq, sha256('\\x00'::BLOB || {ENTRY})
            FROM (SELECT *, {parts} AS parts FROM '{data}/segments/*.parquet')
            ORDER BY trail, seq"""
    ).fetchall()


def level_0(data, trail):
    """The leaf hashes that the trail's tree has on disk, in hex."""
    opaque, sealed = indelible.trails(data)[trail]
    level = (data / "trails" / opaque / "level-0").read_bytes()
    return [level[at * 32 : at * 32 + 32].hex() for at in range(sealed)]


def check_leaves(data):
    found = collections.defaultdict(list)
    for trail, seq, leaf in leaves_from_segments(data):
        assert seq == len(found[trail]), f"trail {trail} has no seq {len(found[trail])}"
        found[trail].append(leaf)
    for trail in indelible.trails(data):
        assert found[trail] == level_0(data, trail), f"trail {trail}: SQL's leaves are not the tree's"
    return sum(map(len, found.values()))


def check_schema(data):
    """The columns are those of the format page's table: names, order, types and nulls."""
    page = (indelible.TESTDATA.parents[1] / "docs" / "format.md").read_text(encoding="utf-8")
    table = page.split("| column | type | null |")[1].split("\n\n")[0]
    said = []
    for line in table.split("\n")[2:]:
        names, kind, null = [cell.strip() for cell in line.split("|")[1:4]]
        first, width = (kind.split(",")[0].split(" ") + ["0"])[:2]
        physical = {"UTF-8": "BYTE_ARRAY", "FIXED": "FIXED_LEN_BYTE_ARRAY"}.get(first, first)
        repetition = {"no": "REQUIRED", "yes": "OPTIONAL"}[null]
        said += [(name, physical, int(width), repetition) for name in re.findall("`(.+?)`", names)]
    schemas = duckdb.sql(
        f"""SELECT file_name, list((name, type, coalesce(type_length, '0')::INT, repetition_type))
            FROM parquet_schema('{data}/segments/*.parquet') WHERE name <> 'record' GROUP BY file_name"""
    ).fetchall()
    assert schemas and len(said) == 32, said
    for name, columns in schemas:
        assert [tuple(column) for column in columns] == said, name


def counts(data):
    """Sealed records by action, but for what the node tells of itself."""
    rows = duckdb.sql(
        f"SELECT action, count(*) FROM '{data}/segments/*.parquet' WHERE trail <> '_system' GROUP BY action"
    ).fetchall()
    return collections.Counter(dict(rows))


def lines(start, count):
    text = '{"action":"load.%s","user_id":"u%d","metadata":{"n":%d}}\n'
    kinds = ("read", "write", "list", "read", "read")
    return "".join(text % (kinds[n % 5], n % 97, n) for n in range(start, start + count)).encode()


def appended(count):
    """What so many lines are, by action."""
    kinds = collections.Counter(n % 5 for n in range(count % 5))
    whole = count // 5
    of = {"load.read": (0, 3, 4), "load.write": (1,), "load.list": (2,)}
    return collections.Counter({name: sum(whole + kinds[kind] for kind in of[name]) for name in of})


def while_a_writer_runs(data):
    """Asks again and again while events come in and a full active file is sealed under our eyes."""
    first, more = 10_000, 270_000
    indelible.run("append", "--data", data, stdin=lines(0, first))
    indelible.run("seal", "--data", data)
    assert counts(data) == appended(first)

    command = [indelible.BINARY, "append", "--data", data]
    writer = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def feed():
        for start in range(first, first + more, 10_000):
            writer.stdin.write(lines(start, 10_000))
            writer.stdin.flush()

    feeder = threading.Thread(target=feed)
    feeder.start()
    last, asked, deadline = appended(first), 0, time.monotonic() + 60
    while feeder.is_alive() or last == appended(first):
        assert writer.poll() is None and time.monotonic() < deadline, "nothing was sealed while we looked"
        found = counts(data)
        # Never a record too few or too many: sealing adds whole files, from the front of the log.
        assert found == appended(found.total()) and found.total() >= last.total(), (found, last)
        last, asked = found, asked + 1
    feeder.join()
    writer.stdin.close()
    assert writer.wait(60) == 0
    indelible.run("seal", "--data", data)
    assert counts(data) == appended(first + more)
    print(f"{asked} counts beside a running writer, the last of {last.total()} records; {first + more} in the end")


def exported_entries(data, place):
    """The same leaves from exported entries, in the one line of SQL that the manual names."""
    for trail in indelible.trails(data):
        out = place / f"{trail}.parquet"
        indelible.run("export", "--data", data, "--trail", trail, "--entries", "--out", out)
        rows = duckdb.sql(
            f"SELECT seq, sha256('\\x00'::BLOB || entry), lower(hex(leaf)) FROM '{out}' ORDER BY seq"
        ).fetchall()
        leaves = [leaf for _, leaf, _ in rows]
        assert [seq for seq, _, _ in rows] == list(range(len(rows)))
        assert leaves == [stated for _, _, stated in rows], f"trail {trail}: leaf is not the entry's"
        expected = level_0(data, trail)
        assert leaves[: len(expected)] == expected, f"trail {trail}: not the tree's leaves"
    print("every leaf from the exported entries is the tree's")


def main():
    check_schema(indelible.TESTDATA / "dir")
    golden = check_leaves(indelible.TESTDATA / "dir")
    print(f"golden segments: {golden} leaves made in SQL are the tree's, erased and expired records too")
    with indelible.new_log() as (data, place):
        while_a_writer_runs(data)
        print(f"{check_leaves(data)} leaves made in SQL from the columns are the tree's")
        exported_entries(data, place)


if __name__ == "__main__":
    main()
