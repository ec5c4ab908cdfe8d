"""The Standard Webhooks package believes what a stream sends, and nothing that was changed on the way."""

import base64
import http.server
import json
import os
import queue
import re
import subprocess
import threading

import standardwebhooks

from lib import indelible

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
EVENTS = 40


class Receiver(http.server.BaseHTTPRequestHandler):
    """Refuses every fifteenth request the first time, as receivers do that are restarted."""

    protocol_version = "HTTP/1.1"
    asked = 0
    got = queue.Queue()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Receiver.asked += 1
        if Receiver.asked % 15 == 0:
            self.answer(503)
        else:
            Receiver.got.put((dict(self.headers.items()), body))
            self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def connections(place, port):
    file = place / "connections.yaml"
    file.write_text(
        f"""
streams:
  - name: hook
    query: "action:order.*"
    to:
      webhook:
        url: "http://127.0.0.1:{port}/hook"
        secrets: [ {{ env: HOOK_SECRET }} ]
        allow_http: true
        allow_private: true
"""
    )
    return file


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with indelible.new_log() as (data, place):
        events = [{"action": "order.update", "id": None, "n": at} for at in range(EVENTS)]
        lines = [{"action": event["action"], "details": {"n": event["n"]}} for event in events]
        other = [{"action": "user.login"}]
        indelible.run("append", "--data", data, stdin=indelible.ndjson(lines[:20] + other + lines[20:]))
        process = subprocess.Popen(
            [indelible.BINARY, "serve", "--json", "--data", data, "--listen", "127.0.0.1:0"]
            + ["--connections", connections(place, server.server_port)],
            env={**os.environ, "HOOK_SECRET": SECRET},
            stdout=subprocess.PIPE,
        )
        try:
            assert re.search(rb"http://", process.stdout.readline())
            received = [Receiver.got.get(timeout=60) for _ in range(EVENTS)]
        finally:
            process.terminate()
            assert process.wait(timeout=30) == 0
    webhook = standardwebhooks.Webhook(SECRET)
    seqs = []
    for headers, body in received:
        event = webhook.verify(body, headers)
        assert event["type"] == "order.update", event
        assert event["data"]["id"] == headers["webhook-id"], headers
        assert re.fullmatch("[0-9a-f]{64}", event["data"]["leaf"]), event
        seqs.append(event["data"]["seq"])
    assert seqs == sorted(set(seqs)) and len(seqs) == EVENTS, seqs
    headers, body = received[0]
    for changed, what in [
        ((body.replace(b"order.update", b"order.delete"), headers), "a changed body"),
        ((body, {**headers, "webhook-id": received[1][0]["webhook-id"]}), "another's id"),
        ((body, {**headers, "webhook-timestamp": "1600000000"}), "an old time"),
    ]:
        try:
            webhook.verify(*changed)
        except standardwebhooks.WebhookVerificationError:
            continue
        raise AssertionError(f"{what} was believed")
    assert json.loads(body)["data"]["details"] == {"n": 0}
    print(f"webhook: {EVENTS} events in order, each with a signature that Standard Webhooks verifies")


if __name__ == "__main__":
    main()
