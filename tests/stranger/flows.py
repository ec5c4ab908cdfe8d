"""Through a node that is killed in the middle: syslog in, a SQL table, files and CloudEvents out, nothing lost.

What the receivers hold at the end is compared with the log itself, leaf by leaf, and the table is read with plain SQL.
"""

import contextlib
import gzip
import hashlib
import json
import re
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.request

import duckdb

from lib import indelible

EVENTS = 600


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def connections(place, port):
    file = place / "connections.yaml"
    file.write_text(
        f"""
inputs:
  - name: firewalls
    trail: network
    from:
      syslog: {{ listen: "127.0.0.1:{port}" }}
streams:
  - name: reports
    to:
      table: {{ url: "sqlite:reports.db" }}
  - name: copies
    query: "trail:network"
    to:
      s3: {{ url: "copies", every_seconds: 1 }}
"""
    )
    return file


class Node:
    def __init__(self, data, file):
        command = [indelible.BINARY, "serve", "--json", "--data", data, "--listen", "127.0.0.1:0", "--connections", file]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.url = json.loads(self.process.stdout.readline())["address"]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=30)

    def end(self):
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0

    def ask(self, path, key):
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def until(what, holds, seconds=60):
    """Waits for something that others do."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"{what} did not come about"
        time.sleep(0.05)


def send(port, numbers):
    """Syslog with counted octets; each message names its own time, so that a repetition is known again."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for at in numbers:
            message = f"<84>1 2026-01-31T10:00:{at % 60:02}.{at:06}Z fw-1 vpn 17 tunnel_up - peer {at}"
            connection.sendall(f"{len(message)} {message}".encode())


def rows(place, sql):
    file = place / "reports.db"
    if not file.exists():
        return []
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        try:
            return db.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []


def copies(place):
    """Events of the files, in the order of their names; what was written twice counts once."""
    seen = {}
    for file in sorted((place / "copies").rglob("*.gz")):
        for line in gzip.decompress(file.read_bytes()).splitlines():
            event = json.loads(line)
            assert seen.setdefault(event["seq"], event) == event
    return list(seen.values())


def the_log(data):
    """The trail as the log has it."""
    lines = indelible.run("cat", "--data", data, "--trail", "network").splitlines()
    return [json.loads(line) for line in lines]


def export(data, place, form):
    """The lines of an export."""
    file = place / form
    indelible.run("export", "--data", data, "trail:network", "--format", form, "--out", file)
    return file.read_text().splitlines()


def refuses_changes(place):
    with contextlib.closing(sqlite3.connect(place / "reports.db")) as db:
        for sql in ("UPDATE audit_logs SET user_id = 'x'", "DELETE FROM audit_logs"):
            try:
                db.execute(sql)
            except sqlite3.DatabaseError as refusal:
                assert "append" in str(refusal).lower(), refusal
                continue
            raise AssertionError(f"{sql} was allowed")


def main():
    with indelible.new_log() as (data, place):
        key = indelible.run("key", "create", "--data", data, "--role", "admin", "--name", "t").decode().split()[0]
        port = free_port()
        file = connections(place, port)
        node = Node(data, file)
        send(port, range(EVENTS // 2))
        count = "SELECT count(*) FROM audit_logs WHERE trail = 'network'"
        # In the middle of it, with something taken in and something sent.
        until("the first rows", lambda: rows(place, count) > [(0,)])
        node.kill()
        node = Node(data, file)
        # A sender that had no answer sends all of it again.
        send(port, range(EVENTS))
        until("all rows", lambda: rows(place, count) == [(EVENTS,)])
        until("all files", lambda: len(copies(place)) == EVENTS)
        states = {stream["name"]: stream["state"] for stream in node.ask("/api/streams", key)["streams"]}
        assert states == {"reports": "running", "copies": "running"}, states
        (firewalls,) = node.ask("/api/inputs", key)["inputs"]
        assert firewalls["state"] == "running" and firewalls["known"] > 0, firewalls
        node.end()
        log = the_log(data)
        peers = sorted(int(event["details"]["message"].split()[1]) for event in log)
        assert peers == list(range(EVENTS)), "something is missing, or there twice"
        found = rows(place, "SELECT seq, id, leaf, action FROM audit_logs WHERE trail = 'network' ORDER BY seq")
        assert [(seq, id) for seq, id, _, _ in found] == [(event["seq"], event["id"]) for event in log]
        leaves = {seq: leaf for seq, _, leaf, _ in found}
        for event in copies(place):
            assert event["leaf"] == leaves[event["seq"]]
        # A leaf of the copy is the leaf of the tree: its entry hashes to it.
        entries = place / "entries.parquet"
        indelible.run("export", "--data", data, "trail:network", "--format", "parquet", "--entries", "--out", entries)
        for seq, entry in duckdb.execute(f"SELECT seq, entry FROM '{entries}'").fetchall():
            assert hashlib.sha256(b"\x00" + bytes(entry)).hexdigest() == leaves[seq]
        refuses_changes(place)
        # Out as CloudEvents, and back: known, every one.
        events = export(data, place, "cloudevents")
        lines = [json.loads(line) for line in events]
        assert len(lines) == EVENTS and {line["specversion"] for line in lines} == {"1.0"}
        cef = export(data, place, "cef")
        assert len(cef) == EVENTS and all(re.match(r"CEF:0\|Indelible\|", line) for line in cef)
        indelible.run("verify", "log", "--data", data)
    print(f"flows: {EVENTS} syslog messages over a kill -9, each once in the log, the table and the files")


if __name__ == "__main__":
    main()
