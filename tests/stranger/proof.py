"""A verifier of proofs written from docs/format.md alone: hashlib, and Ed25519 from `cryptography`.

It reads the golden proofs and fresh ones from the binary, and must refuse whatever is changed in them.
"""

import base64
import hashlib
import json
import random

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lib import indelible

PARTS = ("who", "where", "what")


class Refused(Exception):
    """The proof does not hold."""


def require(holds, why):
    if not holds:
        raise Refused(why)


def sha256(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()


def decode(text, alphabet=base64.b64decode):
    """Base64 in its one valid spelling: standard with padding, base64url without."""
    padded = text if alphabet is base64.b64decode else text + "=" * (-len(text) % 4)
    try:
        data = alphabet(padded.encode())
    except ValueError as e:
        raise Refused("base64") from e
    encode = base64.b64encode if alphabet is base64.b64decode else base64.urlsafe_b64encode
    require(encode(data).decode() == padded, "base64 in another spelling")
    return data


def base64url(text):
    return decode(text, base64.urlsafe_b64decode)


def decimal(text):
    require(text.isascii() and text.isdigit() and str(int(text)) == text, "a number")
    return int(text)


# ---- checkpoint and key


def checkpoint(note, vkey):
    """The size and root that the key signed."""
    name, key_id, key = vkey.split("+", 2)
    key = decode(key)
    require(key[0] == 1 and len(key) == 33, "an Ed25519 key")
    require(key_id == sha256(name.encode(), b"\n", key)[:4].hex(), "the vkey's id")
    text, blank, signatures = note.rpartition("\n\n")
    text += "\n"
    require(blank and note.endswith("\n"), "a signed note")
    signed = False
    for line in signatures.rstrip("\n").split("\n"):
        require(line.startswith("— ") and line.count(" ") == 2, "a signature line")
        signer, signature = line[2:].split(" ")
        signature = decode(signature)
        if signer == name and signature[:4].hex() == key_id:
            try:
                Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], text.encode())
            except InvalidSignature as e:
                raise Refused("the signature") from e
            signed = True
    require(signed, "signed by the key")
    lines = text.split("\n")
    require(len(lines) == 4 and lines[3] == "" and lines[0] == name, "origin, size and root of this log")
    return decimal(lines[1]), hash_of(lines[2])


def hash_of(text):
    data = decode(text)
    require(len(data) == 32, "a hash")
    return data


def read(text, header, names):
    """The file's named lines, its hashes and the note."""
    lines, note = text.split("\n\n", 1)
    lines = lines.split("\n")
    require(lines[0] == header, "the header")
    fields = {}
    for name, line in zip(names, lines[1:]):
        require(line.startswith(name + " "), name)
        fields[name] = line[len(name) + 1 :]
    require(len(fields) == len(names), "all lines")
    hashes = [hash_of(line) for line in lines[1 + len(names) :]]
    require(len(hashes) <= 64, "not too many hashes")
    return fields, hashes, note


# ---- RFC 6962 §2.1


def node(left, right):
    return sha256(b"\x01", left, right)


def root_from(leaf, index, size, path):
    """The root of a tree of this size, from a leaf and the path up, by the definition of PATH."""
    require(index < size, "an index within the tree")
    if size == 1:
        require(not path, "no hash too many")
        return leaf
    require(path, "enough hashes")
    split = 1 << (size - 1).bit_length() - 1
    if index < split:
        return node(root_from(leaf, index, split, path[:-1]), path[-1])
    return node(path[-1], root_from(leaf, index - split, size - split, path[:-1]))


def roots_from(old, new, path, old_root, whole=True):
    """The old and the new root, by the definition of SUBPROOF."""
    if old == new:
        if whole:
            require(not path, "no hash too many")
            return old_root, old_root
        require(len(path) == 1, "one hash")
        return path[0], path[0]
    require(path, "enough hashes")
    split = 1 << (new - 1).bit_length() - 1
    if old <= split:
        before, after = roots_from(old, split, path[:-1], old_root, whole)
        return before, node(after, path[-1])
    before, after = roots_from(old - split, new - split, path[:-1], old_root, False)
    return node(path[-1], before), node(path[-1], after)


# ---- the two proofs


def commitment(name, part):
    if part is None:
        return bytes(32)
    if set(part) == {"commitment"}:
        withheld = base64url(part["commitment"])
        require(len(withheld) == 32 and withheld != bytes(32), "a commitment")
        return withheld
    require(set(part) == {"salt", "bytes"}, "a part")
    salt = base64url(part["salt"])
    require(len(salt) == 16, "a salt")
    return sha256(b"indelible/v1/", name.encode(), b"\0", salt, part["bytes"].encode())


def verify(text, vkey):
    """Index, entry and the parts that are shown, if all of it is proven."""
    fields, path, note = read(text, "c2sp.org/tlog-proof@v1", ("extra", "index"))
    size, root = checkpoint(note, vkey)
    try:
        said = decode(fields["extra"]).decode()
        disclosure = json.loads(said)
    except ValueError as e:
        raise Refused("JSON") from e
    require(list(disclosure) == ["v", "entry", *PARTS] and disclosure["v"] == 1, "a disclosure")
    require(json.dumps(disclosure, ensure_ascii=False, separators=(",", ":")) == said, "its one form")
    leaf = sha256(b"\0", disclosure["entry"].encode())
    require(root_from(leaf, decimal(fields["index"]), size, path) == root, "the root")
    entry = json.loads(disclosure["entry"])
    commitments = (commitment(name, disclosure[name]) for name in PARTS)
    require(base64url(entry["parts"]) == sha256(b"indelible/parts/v1", *commitments), "the parts")
    shown = {name: json.loads(disclosure[name]["bytes"]) for name in PARTS if "bytes" in (disclosure[name] or {})}
    return int(fields["index"]), entry, shown


def verify_consistency(text, vkey):
    fields, path, note = read(text, "indelible/consistency-proof@v1", ("old", "old-root"))
    size, root = checkpoint(note, vkey)
    old, old_root = decimal(fields["old"]), hash_of(fields["old-root"])
    require(old <= size, "an older size")
    if old == 0:
        require(not path and old_root == sha256(), "the tree of no records")
    else:
        require(roots_from(old, size, path, old_root) == (old_root, root), "the roots")
    return old


def mutations(text, count):
    """The text with one character changed, at so many places."""
    rng = random.Random(17)
    for _ in range(count):
        at = rng.randrange(len(text))
        other = rng.choice("AZaz09+/=.\n ")
        if text[at] != other:
            yield text[:at] + other + text[at + 1 :]


def refuses(verifier, text, vkey, count=400):
    for changed in mutations(text, count):
        try:
            verifier(changed, vkey)
        except (Refused, ValueError, TypeError, KeyError, IndexError):
            continue
        raise AssertionError(f"believed although changed:\n{changed}")


def golden():
    def file(name):
        return (indelible.TESTDATA / name).read_text(encoding="utf-8")

    vkey = file("acme.vkey").strip()
    records = [json.loads(line) for line in file("records.ndjson").splitlines()]
    acme = [record for record in records if record["trail"] == "acme"]
    expected = {
        "shown": (4, {"who", "where", "what"}),
        "withheld": (4, {"where", "what"}),
        "erased": (9, {"what"}),
        "expired": (0, set()),
    }
    for name, (seq, parts) in expected.items():
        text = file(f"{name}.proof")
        index, entry, shown = verify(text, vkey)
        assert (index, set(shown)) == (seq, parts), name
        said = {key: value for part in shown.values() for key, value in part.items()}
        said |= {key: value for key, value in entry.items() if key not in ("v", "parts")}
        # What the log shows of the record is what the proof shows, and who where it is not withheld.
        kept = {key: value for key, value in acme[seq].items() if key not in ("trail", "seq")}
        if name == "withheld":
            kept = {key: value for key, value in kept.items() if key not in ("actor", "subjects")}
        assert said == kept, name
        refuses(verify, text, vkey)
    text = file("consistency.proof")
    assert verify_consistency(text, vkey) == 4
    refuses(verify_consistency, text, vkey)
    print("the golden proofs hold, and no changed one does")


def fresh():
    with indelible.new_log() as (data, _):
        events = [
            {"action": "a.b", "user_id": f"u{n}", "ip_address": "192.0.2.1", "metadata": {"n": n, "ü": "\u2028\x7f\""}}
            for n in range(777)
        ]
        indelible.run("append", "--data", data, stdin=indelible.ndjson(events))
        vkey = indelible.run("key", "show", "--data", data, "--trail", "default").decode().strip()
        for seq in (0, 255, 256, 511, 776):
            for redact in ((), ("--redact", "who"), ("--redact", "who,where,what")):
                text = indelible.run("prove", "--data", data, "--seq", seq, *redact).decode()
                index, entry, shown = verify(text, vkey)
                assert index == seq and entry["action"] == "a.b"
                assert set(shown) == set(PARTS) - set(redact[1].split(",") if redact else ())
                if "what" in shown:
                    assert shown["what"]["details"] == events[seq]["metadata"]
        for old in (0, 1, 2, 255, 256, 257, 512, 776, 777):
            text = indelible.run("prove", "consistency", "--data", data, "--from", old).decode()
            assert verify_consistency(text, vkey) == old
        other = indelible.run("key", "show", "--data", data, "--trail", "_system").decode().strip()
        text = indelible.run("prove", "--data", data, "--seq", "3").decode()
        refuses(verify, text, vkey, count=100)
        try:
            verify(text, other)
        except Refused:
            pass
        else:
            raise AssertionError("another trail's key verified it")
    print("fresh proofs hold, with parts shown and withheld, and from every older size")


if __name__ == "__main__":
    golden()
    fresh()
