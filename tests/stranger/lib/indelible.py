"""The binary under test, and what its files are called. No format is known here."""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile

BINARY = os.environ["INDELIBLE"]
TESTDATA = pathlib.Path(__file__).resolve().parents[3] / "testdata" / "v1"


def attempt(*args, stdin=None):
    """Runs a command and gives what became of it."""
    return subprocess.run([BINARY, *map(str, args)], input=stdin, capture_output=True, timeout=120)


def run(*args, stdin=None):
    """Runs a command that must succeed; its standard output."""
    done = attempt(*args, stdin=stdin)
    assert done.returncode == 0, f"{args}: {done.stderr.decode()}"
    return done.stdout


@contextlib.contextmanager
def new_log():
    """A fresh data directory with a log in it, and a place beside it."""
    with tempfile.TemporaryDirectory(prefix="indelible-stranger-") as place:
        data = pathlib.Path(place) / "data"
        run("init", "--data", data, "--origin", "audit.example.com/stranger")
        yield data, pathlib.Path(place)


def trails(data):
    """Opaque id and sealed leaves of each trail by name, as the manifest has them."""
    manifest = json.loads((data / "MANIFEST").read_text().split("\n")[0])
    return {trail["name"]: (trail["id"], trail["sealed"]) for trail in manifest["trails"]}


def ndjson(events):
    return "\n".join(json.dumps(event) for event in events).encode() + b"\n"
