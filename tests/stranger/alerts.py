"""Alerts reach people by mail, by a webhook and by syslog, over a node that is killed in the middle of what they are about.

The mail server is aiosmtpd, over TLS; the webhook is verified by the Standard Webhooks package, by a receiver that refuses
what was played back; syslog is rsyslog. The same events on a node that nobody kills give the same alerts.
"""

import base64
import contextlib
import datetime
import http.server
import json
import os
import pathlib
import queue
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import standardwebhooks

from lib import indelible

TESTS = pathlib.Path(__file__).resolve().parents[1]
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
RULE = """
title: Failed login
name: failed_login
id: 0b6e2f6e-0a4c-4f5e-9b8b-9a3e1f0c7d01
logsource: { product: indelible }
detection:
  selection: { action: user.login, outcome: failure }
  condition: selection
level: low
---
title: Password spray
id: 0b6e2f6e-0a4c-4f5e-9b8b-9a3e1f0c7d02
description: One address tries many people.
advice: Block the address.
correlation:
  type: value_count
  rules: [ failed_login ]
  group-by: [ context.ip ]
  timespan: 10m
  condition: { field: actor.id, gte: 10 }
level: high
"""


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes what is signed, of now, and not known yet."""

    protocol_version = "HTTP/1.1"
    known = set()
    got = queue.Queue()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            event = standardwebhooks.Webhook(SECRET).verify(body, headers)
        except standardwebhooks.WebhookVerificationError:
            return self.answer(401)
        if headers["webhook-id"] in Receiver.known:
            # A repetition by the node is fine; one by somebody else changes nothing.
            return self.answer(409 if self.path == "/again" else 204)
        Receiver.known.add(headers["webhook-id"])
        Receiver.got.put((event, headers, body))
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def replayed(port, headers, body):
    """What the receiver says to a request that somebody kept."""
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    request = urllib.request.Request(f"http://127.0.0.1:{port}/again", body, {name: headers[name] for name in names})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


def certificates(place):
    def openssl(line):
        subprocess.run(["openssl", *line.split()], cwd=place, check=True, capture_output=True)

    (place / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    openssl(f"req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=Test -days 2")
    openssl(f"req {key} -keyout key.pem -out request -subj /CN=localhost")
    openssl("x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -days 2 -out cert.pem")


@contextlib.contextmanager
def mail_server(place):
    """aiosmtpd; gives its port and the mails that it takes."""
    python = subprocess.run([TESTS / "smtp-server/install"], check=True, capture_output=True, text=True).stdout.strip()
    command = [python, TESTS / "smtp-server/serve.py", "--cert", place / "cert.pem", "--key", place / "key.pem"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    mails = queue.Queue()
    port = int(process.stdout.readline())
    threading.Thread(target=lambda: [mails.put(json.loads(line)) for line in process.stdout], daemon=True).start()
    try:
        yield port, mails
    finally:
        process.stdin.close()
        process.wait(timeout=30)


@contextlib.contextmanager
def rsyslog(place, port):
    """rsyslog, which writes what it receives into a file; without it nothing is given."""
    peers = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "indelible/syslog-peers-1"
    if not (peers / "complete").exists():
        print("alerts: not with rsyslog, which is not there (tests/syslog-peers/install fetches it)")
        yield None
        return
    out = place / "syslog"
    (place / "rsyslog.conf").write_text(
        f"""global(workDirectory="{place}" maxMessageSize="64k")
        module(load="imtcp")
        template(name="raw" type="string" string="%rawmsg%\\n")
        input(type="imtcp" address="127.0.0.1" port="{port}")
        action(type="omfile" file="{out}" template="raw" asyncWriting="off" flushOnTXEnd="on")
        """
    )
    modules = next((peers / "usr/lib").rglob("imtcp.so")).parent
    command = [peers / "usr/sbin/rsyslogd", "-n", "-f", place / "rsyslog.conf", "-i", place / "rsyslog.pid", "-M", modules]
    env = {**os.environ, "LD_LIBRARY_PATH": (peers / "libraries").read_text().strip()}
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield out
    finally:
        process.kill()
        process.wait()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def watch(place, mail, hook, syslog):
    rules = place / "watch" / "rules"
    rules.mkdir(parents=True)
    (rules / "spray.yml").write_text(RULE)
    siem = "" if syslog is None else f'  - {{ name: siem, to: {{ syslog: {{ url: "tcp://127.0.0.1:{syslog}" }} }} }}\n'
    (place / "watch" / "watch.yaml").write_text(
        f"""
pack: {{ enabled: false }}
channels:
  - name: security
    levels: high
    to:
      smtp: {{ url: "smtp://localhost:{mail}", from: audit@example.com, to: [ ada@example.com ], tls: {{ ca: {place}/ca.pem }} }}
  - name: pager
    levels: high
    to:
      webhook: {{ url: "http://127.0.0.1:{hook}/hook", secrets: [ {{ env: HOOK_SECRET }} ], allow_http: true, allow_private: true }}
{siem}"""
    )
    return place / "watch"


class Node:
    def __init__(self, data, rules):
        command = [indelible.BINARY, "serve", "--json", "--data", data, "--listen", "127.0.0.1:0", "--rules", rules]
        env = {**os.environ, "HOOK_SECRET": SECRET}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=env)
        self.url = json.loads(self.process.stdout.readline())["address"]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=30)

    def end(self):
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0

    def ask(self, path, key, body=None):
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def fail(self, key, numbers, began):
        """People who fail to log in, all from one address."""
        events = [
            {
                "action": "user.login",
                "outcome": "failure",
                "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began + at)),
                "actor": {"type": "user", "id": f"u{at}"},
                "context": {"ip": "203.0.113.9"},
            }
            for at in numbers
        ]
        self.ask("/api/audit/logs", key, json.dumps(events).encode())

    def alerts(self, key):
        """Once it has looked at everything: what there is to compare."""
        end = time.monotonic() + 60
        while self.ask("/api/status", key)["watch"]["behind"] or not self.ask("/api/alerts", key)["alerts"]:
            assert time.monotonic() < end, self.ask("/api/status", key)["watch"]
            time.sleep(0.1)
        shown = self.ask("/api/alerts", key)["alerts"]
        same = ("rule", "group", "count", "first_at", "last_at", "summary")
        return [{name: alert[name] for name in same} for alert in shown]


def history(data, rules, began, killed):
    """Five failures, and five more; in between the node may be killed."""
    key = indelible.run("key", "create", "--data", data, "--role", "admin", "--name", "t").decode().split()[0]
    node = Node(data, rules)
    node.fail(key, range(5), began)
    if killed:
        node.kill()
        node = Node(data, rules)
    node.fail(key, range(5, 10), began)
    return node, node.alerts(key)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    syslog_port, began = free_port(), int(time.time()) - 60
    with indelible.new_log() as (data, place):
        certificates(place)
        with mail_server(place) as (mail_port, mails), rsyslog(place, syslog_port) as syslog:
            rules = watch(place, mail_port, server.server_port, syslog and syslog_port)
            node, alerts = history(data, rules, began, killed=True)
            assert len(alerts) == 1 and alerts[0]["rule"]["title"] == "Password spray", alerts
            assert alerts[0]["group"] == {"context.ip": "203.0.113.9"}, alerts
            mail = mails.get(timeout=60)
            head = dict(mail["head"])
            assert head["Subject"] == "[high] Password spray: 203.0.113.9", head
            assert mail["encrypted"] and mail["to"] == ["ada@example.com"], mail
            assert "Block the address." in mail["text"] and "One address tries many people." in mail["text"], mail
            event, headers, body = Receiver.got.get(timeout=60)
            assert event["type"] == "alert.notify", event
            assert event["data"]["details"]["group"] == {"context.ip": "203.0.113.9"}, event
            assert head["X-Indelible-Alert"] == event["data"]["details"]["alert"]
            assert replayed(server.server_port, headers, body) == 409, "a request that was played back was taken"
            then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
            signature = standardwebhooks.Webhook(SECRET).sign("another", then, body.decode())
            old = {"webhook-id": "another", "webhook-timestamp": str(int(then.timestamp())), "webhook-signature": signature}
            assert replayed(server.server_port, old, body) == 401, "an old request was taken"
            if syslog:
                end = time.monotonic() + 60
                while not (syslog.exists() and "alert.notify" in syslog.read_text()):
                    assert time.monotonic() < end, "rsyslog received nothing"
                    time.sleep(0.1)
                (line,) = [line for line in syslog.read_text().splitlines() if "alert.notify" in line]
                assert '"title":"Password spray"' in line, line
            node.end()
            assert mails.empty() and Receiver.got.empty(), "somebody was told twice"
        # Of a node that nobody kills.
        with indelible.new_log() as (other, there):
            (there / "ca.pem").write_bytes((place / "ca.pem").read_bytes())
            closed = free_port()
            node, unharmed = history(other, watch(there, closed, closed, None), began, killed=False)
            node.kill()
        assert unharmed == alerts, (unharmed, alerts)
        indelible.run("verify", "log", "--data", data)
    print("alerts: one alert over a kill -9, by mail, webhook" + (" and syslog" if syslog else "") + ", and none played back")


if __name__ == "__main__":
    main()
