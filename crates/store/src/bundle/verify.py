#!/usr/bin/env python3
"""Verifies a bundle of evidence: python3 verify.py FILE.zip [--vkey KEY]...

Needs Python 3.8 and, for signatures, its package `cryptography` or the program `openssl`. What the hashes
mean is in the section "Commitments" and those after it of Indelible's format page; the tree is RFC 6962's,
notes, checkpoints and proofs are those of c2sp.org. Exit status: 0 it holds, 1 it does not, 2 cannot tell.
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile

PARTS = ("who", "where", "what")
FILES = {"README.txt", "verify.py", "events.ndjson", "keys.txt", "manifest.json", "SHA256SUMS"}


class Refused(Exception):
    """What does not hold, and in which file."""


def require(holds, file, why):
    if not holds:
        raise Refused(f"{file}: {why}")


def say(text):
    """Prints it. A stranger's words must not write to the screen what we would say."""
    print("".join(c if c.isprintable() else ascii(c)[1:-1] for c in text))


def sha256(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()


def decode(text, file, url=False):
    """Base64 in its one valid spelling: standard with padding, or base64url without."""
    padded = text + "=" * (-len(text) % 4) if url else text
    data = (base64.urlsafe_b64decode if url else base64.b64decode)(padded)
    again = (base64.urlsafe_b64encode if url else base64.b64encode)(data).decode()
    require(again == padded, file, "base64 in another spelling")
    return data


# ---- signatures


def signed_by(key, text, signature):
    """Whether this Ed25519 key made the signature."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return signed_by_openssl(key, text, signature)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text)
    except InvalidSignature:
        return False
    return True


def signed_by_openssl(key, text, signature):
    # What stands before the key in RFC 8410's form of it.
    der = bytes.fromhex("302a300506032b6570032100") + key
    pem = b"-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(der) + b"\n-----END PUBLIC KEY-----\n"
    with tempfile.TemporaryDirectory() as place:
        paths = [os.path.join(place, name) for name in ("key", "text", "signature")]
        for path, data in zip(paths, (pem, text, signature)):
            with open(path, "wb") as file:
                file.write(data)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", paths[0], "-rawin", "-in", paths[1]]
        try:
            done = subprocess.run([*command, "-sigfile", paths[2]], capture_output=True)
        except FileNotFoundError:
            print("neither the package `cryptography` nor the program `openssl` is here")
            sys.exit(2)
    return done.returncode == 0


def checkpoint(note, vkey, file):
    """The size and root that the key signed."""
    name, key_id, key = vkey.split("+", 2)
    key = decode(key, "keys.txt")
    require(key[0] == 1 and len(key) == 33, "keys.txt", "not an Ed25519 key")
    require(key_id == sha256(name.encode(), b"\n", key)[:4].hex(), "keys.txt", "a key's id is not its hash")
    text, blank, signatures = note.rpartition("\n\n")
    text = (text + "\n").encode()
    signed = False
    for line in signatures.splitlines():
        dash, signer, signature = line.split(" ")
        signature = decode(signature, file)
        if dash == "—" and signer == name and signature[:4].hex() == key_id:
            require(signed_by(key[1:], text, signature[4:]), file, "the signature is not the key's")
            signed = True
    require(blank and signed, file, "it is not signed by the key")
    origin, size, root, rest = text.decode().split("\n")
    require(origin == name and rest == "", file, "it is of another log")
    return int(size), decode(root, file)


# ---- proofs


def root_from(leaf, index, size, path):
    """The root of a tree of this size, from a leaf and the path up: RFC 6962, 2.1.1."""
    if size == 1:
        require(not path, "the path", "has too many hashes")
        return leaf
    require(path, "the path", "has too few hashes")
    split = 1 << (size - 1).bit_length() - 1
    if index < split:
        return sha256(b"\x01", root_from(leaf, index, split, path[:-1]), path[-1])
    return sha256(b"\x01", path[-1], root_from(leaf, index - split, size - split, path[:-1]))


def commitment(name, part, file):
    """What the entry commits to in place of a part: absent, withheld or shown."""
    if part is None:
        return bytes(32)
    if set(part) == {"commitment"}:
        return decode(part["commitment"], file, url=True)
    require(set(part) == {"salt", "bytes"}, file, "not a part")
    salt = decode(part["salt"], file, url=True)
    return sha256(b"indelible/v1/", name.encode(), b"\0", salt, part["bytes"].encode())


def proven_line(proof, trail, note, size, root, seq, redacted, file):
    """The event's line as the proof proves it."""
    head, own_note = proof.split("\n\n", 1)
    require(own_note == note, file, "it is under another checkpoint")
    kind, extra, index, *path = head.split("\n")
    require(kind == "c2sp.org/tlog-proof@v1" and index == f"index {seq}", file, "it proves another record")
    require(extra.startswith("extra ") and seq < size, file, "it shows no event")
    shown = json.loads(decode(extra[6:], file))
    entry = shown["entry"]
    leaf = sha256(b"\0", entry.encode())
    path = [decode(hash, file) for hash in path]
    require(root_from(leaf, seq, size, path) == root, file, "it does not lead to the checkpoint's root")
    commitments = [commitment(name, shown[name], file) for name in PARTS]
    parts = decode(json.loads(entry)["parts"], file, url=True)
    require(parts == sha256(b"indelible/parts/v1", *commitments), file, "the parts are not the entry's")
    bodies = {name: (shown[name] or {}).get("bytes") for name in PARTS}
    require(not any(bodies[name] for name in redacted), file, "it shows what is said to be withheld")
    # An event's line is its place, the entry without version and parts' hash, and the parts, spliced.
    pieces = [f'"trail":{json.dumps(trail)},"seq":{seq}', entry[len('{"v":1,') : entry.rindex(',"parts":"')]]
    pieces += [bodies[name][1:-1] for name in PARTS if bodies[name]]
    return "{" + ",".join(piece for piece in pieces if piece) + "}"


# ---- the bundle


def verify(bundle, pinned):
    names = bundle.namelist()
    require(len(set(names)) == len(names), "the archive", "has two files of one name")

    def text(name):
        require(name in names, name, "it is missing")
        try:
            return bundle.read(name).decode()
        except Exception as e:
            raise Refused(f"{name}: {e}") from e

    sums = dict(reversed(line.split("  ", 1)) for line in text("SHA256SUMS").splitlines())
    for name in names:
        if name != "SHA256SUMS":
            require(name in sums, name, "it is in no list: it was added later")
            require(hashlib.sha256(text(name).encode()).hexdigest() == sums[name], name, "it was changed")
    require(set(sums) | {"SHA256SUMS"} == set(names), "SHA256SUMS", "it lists what is not there")

    manifest = json.loads(text("manifest.json"))
    listed = {file["path"]: file["sha256"] for file in manifest["files"]}
    require(listed == {k: v for k, v in sums.items() if k != "manifest.json"}, "manifest.json", "another list")
    require(text("keys.txt").split() == [t["vkey"] for t in manifest["trails"]], "keys.txt", "other keys")

    trails = {}
    for trail in manifest["trails"]:
        require(not pinned or trail["vkey"] in pinned, "keys.txt", f"not the key given: {trail['vkey']}")
        opaque = trail["origin"].rsplit("/", 1)[-1]
        file = f"checkpoints/{opaque}.txt"
        note = text(file)
        size, root = checkpoint(note, trail["vkey"], file)
        said = (trail["origin"], trail["size"], trail["root"])
        signed = (trail["vkey"].split("+")[0], size, base64.b64encode(root).decode())
        require(said == signed, "manifest.json", "what it says of a trail is not what is signed")
        require(trail["name"] not in trails, "manifest.json", "it names a trail twice")
        trails[trail["name"]] = (opaque, note, size, root)

    proofs = {name for name in names if name.startswith("proofs/")}
    known = FILES | proofs | {f"checkpoints/{opaque}.txt" for opaque, *_ in trails.values()}
    require(known.issuperset(names), str(set(names) - known), "no bundle has such a file: it was added by somebody else")
    lines = text("events.ndjson").split("\n")
    require(lines.pop() == "" and len(lines) == manifest["events"], "events.ndjson", "not as many lines as said")
    for number, line in enumerate(lines, 1):
        event, here = json.loads(line), f"events.ndjson line {number}"
        name, seq = event["trail"], event["seq"]
        require(name in trails, here, "its trail is none of the manifest's")
        require(type(seq) is int and seq >= 0, here, "its place is no number")
        opaque, note, size, root = trails[name]
        file = f"proofs/{opaque}/{seq}.txt"
        require(file in proofs, here, "there is no proof of it, or it stands there twice")
        proofs.remove(file)
        proven = proven_line(text(file), name, note, size, root, seq, manifest["redacted"], file)
        require(proven == line, here, f"it is not what {file} proves")
    require(not proofs, min(proofs, default=""), "it proves no event that is here")
    return manifest


def main(arguments):
    pinned, files = set(), []
    while arguments:
        argument = arguments.pop(0)
        if argument == "--vkey" and arguments:
            pinned.add(arguments.pop(0))
        else:
            files.append(argument)
    if len(files) != 1:
        print(__doc__)
        return 2
    try:
        with zipfile.ZipFile(files[0]) as bundle:
            manifest = verify(bundle, pinned)
    except Refused as e:
        say(f"IT DOES NOT HOLD: {e}")
        return 1
    except (zipfile.BadZipFile, ValueError, TypeError, KeyError, IndexError) as e:
        say(f"IT DOES NOT HOLD: it cannot be read: {e}")
        return 1
    print(f"It holds: {manifest['events']} events of {len(manifest['trails'])} trails, each proven.")
    for trail in manifest["trails"]:
        say(f"  {trail['name']}, {trail['size']} records: {trail['vkey']}")
    if not pinned:
        print("The keys are the bundle's own. Compare them with those that the node publishes, or use --vkey.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
