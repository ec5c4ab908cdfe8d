"""Reads an export with the programs that people open it with, and says what is in it as JSON.

usage: read_export.py csv|ndjson|ocsf|parquet FILE
"""

import csv
import json
import sys

import duckdb

# What makes Excel, LibreOffice Calc and Google Sheets take a cell for a formula.
STARTERS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def read_csv(path):
    csv.field_size_limit(1 << 24)
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file, strict=True))
    head, rows = rows[0], rows[1:]
    widths = {len(row) for row in rows}
    assert widths <= {len(head)}, f"rows of {widths} cells under {len(head)} names"
    acting = [cell[:80] for row in [head, *rows] for cell in row if cell.startswith(STARTERS)]
    assert not acting, f"cells that a spreadsheet would run: {acting[:5]}"
    # The same to a reader that is not Python's.
    said = duckdb.sql(f"SELECT count(*) FROM read_csv('{path}', all_varchar = true, header = true, strict_mode = true, max_line_size = 2000000)")
    assert said.fetchall() == [(len(rows),)], "DuckDB reads another number of rows"
    return [dict(zip(head, row)) for row in rows]


def read_lines(path):
    with open(path, encoding="utf-8", newline="\n") as file:
        return [json.loads(line) for line in file]


def read_ocsf(path):
    events = read_lines(path)
    for event in events:
        for name in ("class_uid", "category_uid", "activity_id", "type_uid", "severity_id", "time"):
            assert isinstance(event.get(name), int), f"{name} of {json.dumps(event)[:200]}"
        assert event["class_uid"] // 1000 == event["category_uid"], event["class_uid"]
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"], event["type_uid"]
        assert event["metadata"]["version"] and event["metadata"]["product"], event["metadata"]
    return [{"id": event["metadata"]["uid"]} for event in events]


def read_parquet(path):
    names = ["id", "action", "outcome", "trail"]
    rows = duckdb.sql(f"SELECT {', '.join(names)} FROM '{path}'").fetchall()
    return [dict(zip(names, map(str, row))) for row in rows]


def main():
    kind, path = sys.argv[1:]
    rows = {"csv": read_csv, "ndjson": read_lines, "ocsf": read_ocsf, "parquet": read_parquet}[kind](path)
    json.dump({"rows": len(rows), "ids": sorted(row["id"] for row in rows)}, sys.stdout)


main()
