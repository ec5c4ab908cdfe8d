"""Somebody else's verifier of C2SP logs reads what `indelible tiles` writes, at every odd size.

PyPI `aics-tlog` checks the checkpoint's signature, authenticates every tile and every entry bundle
against the root, and builds the same tree from the entries alone: file by file the same bytes.
"""

import json
import shutil
import uuid

from aics_tlog import (
    FileSystemTileReader,
    TileVerificationError,
    audit_tiles,
    consistency_proof_from_tiles,
    parse_checkpoint,
    parse_note,
    parse_vkey,
    verify_checkpoint,
    verify_consistency,
)
from aics_tlog.tiles import materialise_tiles, parse_entry_bundle

from lib import indelible

SIZES = (1, 255, 256, 257, 65_535, 65_536, 65_537)
TRAIL = "tiles"


def event_id(number):
    return str(uuid.UUID(int=8 << 76 | 2 << 62 | number))


def read(out, vkey, size):
    """Checks an export from the key alone; gives the root and the entries."""
    note = parse_note((out / "checkpoint").read_text())
    result = verify_checkpoint(note, vkey, expected_origin=vkey.name)
    assert result.ok and result.log_ok, result
    checkpoint = parse_checkpoint(note.text)
    assert checkpoint.size == size, checkpoint
    report = audit_tiles(FileSystemTileReader(out), size, checkpoint.root)
    assert report.bundles == -(-size // 256), report

    found = {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name != "checkpoint"
    }
    bundles = sorted(path for path in found if path.startswith("tile/entries/"))
    entries = [entry for path in bundles for entry in parse_entry_bundle(found[path])]
    assert found == materialise_tiles(entries), "our tree is not theirs"
    return checkpoint.root, entries


def tampered(out, place, root, size):
    """The verifier must notice a changed bit, or its silence above would mean nothing."""
    copy = place / "tampered"
    shutil.copytree(out, copy)
    for path in (copy / "tile/0/000", copy / "tile/entries/000"):
        whole = path.read_bytes()
        path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
        try:
            audit_tiles(FileSystemTileReader(copy), size, root)
        except TileVerificationError:
            path.write_bytes(whole)
        else:
            raise AssertionError(f"{path.name} was changed, and nobody noticed")
    audit_tiles(FileSystemTileReader(copy), size, root)


def main():
    with indelible.new_log() as (data, place):
        none = indelible.attempt("tiles", "--data", data, "--trail", TRAIL, "--out", place / "0")
        assert none.returncode == 3 and b"no trail named" in none.stderr, none
        print("size 0: there is no trail before its first event, and the command says so")
        before, vkey = None, None
        for size in SIZES:
            have = before[0] if before else 0
            events = [{"id": event_id(n), "action": "a.b", "user_id": n} for n in range(have, size)]
            indelible.run("append", "--data", data, "--trail", TRAIL, stdin=indelible.ndjson(events))
            if size == 257:
                indelible.run("seal", "--data", data)
            if not vkey:
                shown = indelible.run("key", "show", "--data", data, "--trail", TRAIL)
                vkey = parse_vkey(shown.decode().strip())
            out = place / str(size)
            indelible.run("tiles", "--data", data, "--trail", TRAIL, "--out", out)
            root, entries = read(out, vkey, size)
            assert [json.loads(entry)["id"] for entry in entries] == [event_id(n) for n in range(size)]
            if before:
                proof = consistency_proof_from_tiles(FileSystemTileReader(out), before[0], size)
                assert verify_consistency(before[0], size, before[1], root, proof)
            before = size, root
            print(f"size {size}: signature, layout, every tile and every entry hold")
            if size == 257:
                tampered(out, place, root, size)


if __name__ == "__main__":
    main()
