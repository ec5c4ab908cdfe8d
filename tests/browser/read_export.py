"""Reads an export with the programs that people open it with, and says what is in it as JSON.

usage: read_export.py csv|ndjson|ocsf|cef|cloudevents|parquet FILE
"""

import csv
import json
import re
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


def read_cef(path):
    with open(path, encoding="utf-8", newline="") as file:
        lines = file.read().split("\n")
    assert lines.pop() == "", "the last line does not end"
    rows = []
    for line in lines:
        # Seven fields, in which a backslash escapes a pipe; then keys, before an = that no backslash escapes.
        *head, rest = re.split(r"(?<!\\)(?:\\\\)*\|", line, maxsplit=7)
        assert len(head) == 7 and head[0] == "CEF:0" and 0 <= int(head[6]) <= 10, line[:200]
        found = re.findall(r"(?:^| )(\w+)=((?:[^\\=]|\\.)*)(?= \w+=|$)", rest)
        keys = dict(found)
        assert len(keys) == len(found), f"a key stands there twice: {line[:200]}"
        rows.append({"id": keys["externalId"]})
    return rows


def read_cloudevents(path):
    events = read_lines(path)
    for event in events:
        assert event["specversion"] == "1.0" and event["type"].startswith("indelible."), event["id"]
        assert event["source"].startswith("//") and event["time"] and len(event["leaf"]) == 64, event["id"]
        assert event["data"]["id"] == event["id"] and str(event["data"]["seq"]) == event["seq"], event["id"]
        assert all(re.fullmatch("[a-z0-9]+", name) for name in event), event["id"]
    return events


def read_parquet(path):
    names = ["id", "action", "outcome", "trail"]
    rows = duckdb.sql(f"SELECT {', '.join(names)} FROM '{path}'").fetchall()
    return [dict(zip(names, map(str, row))) for row in rows]


def main():
    kind, path = sys.argv[1:]
    readers = {
        "csv": read_csv, "ndjson": read_lines, "ocsf": read_ocsf, "cef": read_cef, "cloudevents": read_cloudevents,
        "parquet": read_parquet,
    }
    rows = readers[kind](path)
    json.dump({"rows": len(rows), "ids": sorted(row["id"] for row in rows)}, sys.stdout)


main()
