"""Made v1/entries.json and v1/group.json once, with nothing of ours: hashlib, struct and docs/format.md.

It is kept to show that two independent programs reach the same bytes. Its output is never made again.
The canonical parts are written out by hand here; that is the point.

    python3 testdata/make_vectors.py DIR
"""

import base64
import hashlib
import json
import struct
import sys

PARTS = ("who", "where", "what")


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def part_salt(event_salt, name):
    return hashlib.sha256(b"indelible/salt/v1" + event_salt + name.encode()).digest()[:16]


def commitment(name, salt, text):
    return hashlib.sha256(b"indelible/v1/" + name.encode() + b"\0" + salt + text.encode()).digest()


def string(text):
    return json.dumps(text, ensure_ascii=False)


def vector(name, received, event_salt, fields, parts, subject=None):
    salts = {p: part_salt(event_salt, p) if parts[p] is not None else None for p in PARTS}
    sums = {p: commitment(p, salts[p], parts[p]) if parts[p] is not None else None for p in PARTS}
    parts_hash = hashlib.sha256(
        b"indelible/parts/v1" + b"".join(sums[p] or bytes(32) for p in PARTS)
    ).digest()
    members = ['"v":1'] + [f'"{key}":{value}' for key, value in fields] + [f'"parts":"{b64url(parts_hash)}"']
    entry = "{" + ",".join(members) + "}"

    def disclosure(withheld):
        said = ['"v":1', f'"entry":{string(entry)}']
        for p in PARTS:
            if parts[p] is None:
                said.append(f'"{p}":null')
            elif p in withheld:
                said.append(f'"{p}":{{"commitment":"{b64url(sums[p])}"}}')
            else:
                said.append(f'"{p}":{{"salt":"{b64url(salts[p])}","bytes":{string(parts[p])}}}')
        return "{" + ",".join(said) + "}"

    hexed = lambda values: {p: values[p].hex() if values[p] is not None else None for p in PARTS}
    return {
        "name": name,
        "received": received,
        "credential_subject": subject,
        "event_salt": event_salt.hex(),
        "parts": parts,
        "part_salts": hexed(salts),
        "commitments": hexed(sums),
        "parts_hash": parts_hash.hex(),
        "entry": entry,
        "leaf": hashlib.sha256(b"\0" + entry.encode()).hexdigest(),
        "disclosure": disclosure(()),
        "disclosure_who_withheld": disclosure(("who",)),
    }


def vectors():
    yield vector(
        "every field",
        '{"trail":"acme","id":"0190b1a0-0000-7000-8000-000000000001","occurred_at":"2026-11-13T10:29:59.1234569+01:00",'
        '"action":"backup.delete","category":"data_delete","outcome":"success","phase":"outcome",'
        '"ref":"0190B1A0-0000-7000-8000-0000000000FF","source":{"seq":18446744073709551615,"id":"00112233445566778899aabbccddeeff"},'
        '"details":{"z":1,"a":[1.0,-0,1e400]},"error":{"message":"a\\u000ab","code":17},'
        '"changes":{"after":null,"before":{"n":9007199254740993}},'
        '"targets":[{"id":"b-42","type":"backup","name":"n\\u00e4chtlich"},{"type":"bucket","id":7}],'
        '"actor":{"email":"zoe@example.com","name":"Zo\\u00eb","id":"u-1","type":"user",'
        '"auth":{"token_id":"t","method":"oidc"},"on_behalf_of":{"id":"billing","type":"service"}},'
        '"subjects":[{"id":"p-7","type":"person"}],'
        '"context":{"http":{"duration_ms":12.750,"status":204,"route":"/b/:id","path":"/b/42","method":"DELETE"},'
        '"host":"h","service":"s","span_id":"b7ad6b7169203331","trace_id":"0af7651916cd43dd8448eb211c80319c",'
        '"session_id":"s-1","correlation_id":"c-1","request_id":"r-1","user_agent":"curl/8.5","ip":"2001:db8::17"}}',
        bytes(range(16)),
        [
            ("id", '"0190b1a0-0000-7000-8000-000000000001"'),
            ("recorded_at", '"2026-11-13T09:30:00.000000Z"'),
            ("occurred_at", '"2026-11-13T09:29:59.123456Z"'),
            ("action", '"backup.delete"'),
            ("category", '"data_delete"'),
            ("outcome", '"success"'),
            ("phase", '"outcome"'),
            ("ref", '"0190b1a0-0000-7000-8000-0000000000ff"'),
            ("source", '{"id":"00112233445566778899aabbccddeeff","seq":18446744073709551615}'),
            ("recorded_by", '"key:2026-11.A_b"'),
        ],
        {
            "who": '{"actor":{"type":"user","id":"u-1","name":"Zoë","email":"zoe@example.com",'
            '"auth":{"method":"oidc","token_id":"t"},"on_behalf_of":{"type":"service","id":"billing"}},'
            '"subjects":[{"type":"person","id":"p-7"}]}',
            "where": '{"context":{"ip":"2001:db8::17","user_agent":"curl/8.5","request_id":"r-1","correlation_id":"c-1",'
            '"session_id":"s-1","trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331",'
            '"service":"s","host":"h","http":{"method":"DELETE","path":"/b/42","route":"/b/:id","status":204,'
            '"duration_ms":12.750}},"credential_subject":"sub \\"q\\""}',
            "what": '{"targets":[{"type":"backup","id":"b-42","name":"nächtlich"},{"type":"bucket","id":"7"}],'
            '"changes":{"before":{"n":9007199254740993},"after":null},"details":{"z":1,"a":[1.0,-0,1e400]},'
            '"error":{"code":"17","message":"a\\nb"}}',
        },
        subject='sub "q"',
    )
    yield vector(
        "the least",
        '{"action":"a"}',
        bytes(16),
        [
            ("id", '"00000000-0000-7000-8000-000000000000"'),
            ("recorded_at", '"1970-01-01T00:00:00.000000Z"'),
            ("action", '"a"'),
            ("outcome", '"unknown"'),
        ],
        {"who": None, "where": None, "what": None},
    )
    yield vector(
        "short form, one part absent",
        '{"user_id":"пользователь","event_type":"login_failed","status":"denied","timestamp":"9999-12-31T23:59:59.999999999Z",'
        '"metadata":{"😀":"\\u0000\\u001f\\"\\\\\\/\\u00e9\\ud83d\\ude00\\u2028\\u007f","":[]},"source":{"id":"ffffffffffffffffffffffffffffffff","seq":0}}',
        b"\xff" * 16,
        [
            ("id", '"ffffffff-ffff-ffff-ffff-ffffffffffff"'),
            ("recorded_at", '"2026-11-20T23:59:59.999999Z"'),
            ("occurred_at", '"9999-12-31T23:59:59.999999Z"'),
            ("action", '"login_failed"'),
            ("category", '"login_failed"'),
            ("outcome", '"denied"'),
            ("source", '{"id":"ffffffffffffffffffffffffffffffff","seq":0}'),
        ],
        {
            "who": '{"actor":{"type":"user","id":"пользователь"}}',
            "where": None,
            "what": '{"details":{"😀":"\\u0000\\u001f\\"\\\\/é😀\u2028\x7f","":[]}}',
        },
    )


def active_file(entries):
    """A whole active file: header, one group of three records, and the side word beside it."""
    log_id, first_pos = bytes(range(0xA0, 0xB0)), 1000
    header = struct.pack("<8sIIQ16s20x", b"\xf5INDLOG\xff", 1, 0, first_pos, log_id)
    header += struct.pack("<I", crc32c(header))
    places = [(1, 17), (0, 3), (1, 18)]
    frames, records = b"", []
    for (trail, seq), vector in zip(places, entries):
        entry = vector["entry"].encode()
        parts = [vector["parts"][p] for p in PARTS]
        stored = [b"" if part is None else part.encode() for part in parts]
        codecs = bytes(0xFF if part is None else 0 for part in parts)
        length = 52 + len(entry) + sum(map(len, stored))
        frames += struct.pack("<IIQ16sH3s3x", length, trail, seq, bytes.fromhex(vector["event_salt"]), len(entry), codecs)
        frames += struct.pack("<III", *map(len, stored)) + entry + b"".join(stored)
        records.append({"pos": first_pos + len(records), "trail": trail, "seq": seq, "entry": vector["name"]})
    group = struct.pack("<4sIIIQQI24x", b"\xf5GRP", 1, len(frames), len(records), first_pos, 64, crc32c(frames))
    group += struct.pack("<I", crc32c(group)) + frames
    mark = struct.pack("<QQI", 64 + len(group), first_pos, 1)
    mark += struct.pack("<I", crc32c(mark))
    return {
        "file_header": {"log_id": log_id.hex(), "first_pos": first_pos, "hex": header.hex()},
        "group": {"first_pos": first_pos, "durable": 64, "records": records, "hex": group.hex()},
        "side_word": {"durable": 64 + len(group), "first_pos": first_pos, "hex": mark.hex()},
    }


def main():
    entries = list(vectors())
    for name, value in (("entries.json", entries), ("group.json", active_file(entries))):
        with open(f"{sys.argv[1]}/{name}", "x", encoding="utf-8") as out:
            json.dump(value, out, ensure_ascii=False, indent=1)
            out.write("\n")


main()
