"""pyarrow reads an export as it is: every event, every column, and JSON where the columns say JSON."""

import collections
import json

import pyarrow.compute
import pyarrow.dataset
import pyarrow.parquet

from lib import indelible

COUNT = 20_000


def events():
    for n in range(COUNT):
        event = {
            "action": ("load.read", "load.write", "load.list")[n % 3],
            "user_id": f"u{n % 97}",
            "occurred_at": f"2026-01-{n % 28 + 1:02}T10:00:00.{n:06}Z",
            "metadata": {"n": n, "text": "é\u202e=1\u0001"},
        }
        if n % 5 == 0:
            event["outcome"] = "denied"
        yield event


def main():
    with indelible.new_log() as (data, place):
        for half in (range(0, COUNT // 2), range(COUNT // 2, COUNT)):
            lines = [event for n, event in enumerate(events()) if n in half]
            indelible.run("append", "--data", data, stdin=indelible.ndjson(lines))
            # One half from segments, the other from the active file.
            if half.start == 0:
                indelible.run("seal", "--data", data)
        out = place / "default.parquet"
        indelible.run("export", "--data", data, "--trail", "default", "--entries", "--out", out)
        file = pyarrow.parquet.ParquetFile(out)
        table = file.read()
        assert table.num_rows == file.metadata.num_rows == COUNT, table.num_rows
        assert table.column("seq").to_pylist() == list(range(COUNT))
        actions = collections.Counter(table.column("action").to_pylist())
        assert actions == collections.Counter(event["action"] for event in events()), actions
        for said, event in zip(table.select(["what", "who", "outcome", "occurred_at"]).to_pylist(), events()):
            assert json.loads(said["what"])["details"] == event["metadata"], said
            assert json.loads(said["who"])["actor"]["id"] == event["user_id"], said
            assert said["outcome"] == event.get("outcome", "unknown"), said
            assert said["occurred_at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ") == event["occurred_at"], said
        # As those read it who do not read all of it.
        scanned = pyarrow.dataset.dataset(out).to_table(
            columns=["seq", "action"], filter=pyarrow.compute.field("outcome") == "denied"
        )
        assert scanned.num_rows == COUNT // 5, scanned.num_rows
        print(f"pyarrow reads {COUNT} exported events, and finds the {scanned.num_rows} that were denied")


if __name__ == "__main__":
    main()
