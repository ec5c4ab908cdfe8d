"""Other people's clients send what they always send: CloudEvents, OpenTelemetry and Elasticsearch.

Each sends twice, so that what is sent again shows as kept once; then the events are searched as users search them.
"""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import time

import requests
from cloudevents.core.bindings import http as cloudevents
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from elasticsearch import Elasticsearch, helpers
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from lib import indelible

AT = "2026-01-31T10:00:00Z"
NANOS = 1_769_853_600_123_456_789


@contextlib.contextmanager
def node(data, place):
    """A node on a free port, and a key of an admin for it."""
    key = indelible.run("key", "create", "--data", data, "--role", "admin", "--name", "senders").decode().strip()
    said = place / "serve.log"
    with open(said, "w") as log:
        command = [indelible.BINARY, "serve", "--data", str(data), "--listen", "127.0.0.1:0"]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield address(process, said), key
    finally:
        process.terminate()
        assert process.wait(30) == 0, said.read_text()


def address(process, said):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        for word in said.read_text().split():
            word = word.strip("\"'.,;")
            if word.startswith("http://127.0.0.1:"):
                return "http://" + word.split("/")[2]
        time.sleep(0.05)
    raise AssertionError(f"the node says no address: {said.read_text()}")


class Reader:
    """Searches."""

    def __init__(self, url, key):
        self.url, self.headers = url, {"Authorization": f"Bearer {key}"}

    def ask(self, query):
        path = f"{self.url}/api/audit/logs"
        answer = requests.get(path, {"q": query, "page_size": 1000}, headers=self.headers, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["events"]

    def count(self, query):
        return len(self.ask(query))

    def find(self, query, count):
        """The events that a query finds, which must be so many."""
        events = self.ask(query)
        assert len(events) == count, f"{query}: {len(events)} instead of {count}: {events[:3]}"
        return events


def send_cloudevents(url, key, reader):
    attributes = {
        "type": "com.example.Invoice.Paid",
        "source": "/billing",
        "id": "A-1",
        "specversion": "1.0",
        "subject": "Rechnung Nº 17 €",
        "datacontenttype": "application/json",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    }
    authorization = {"Authorization": f"Bearer {key}"}
    for made in (cloudevents.to_binary, cloudevents.to_structured):
        event = CloudEvent({**attributes, "id": made.__name__}, {"amount": 100.5, "to": "maria"})
        message = made(event, JSONFormat())
        for turn, status in enumerate((201, 200)):
            answer = requests.post(
                f"{url}/api/cloudevents", message.body, headers={**message.headers, **authorization}, timeout=30
            )
            assert answer.status_code == status, f"{made.__name__} {turn}: {answer.text}"
    for event in reader.find("action:com.example.invoice.paid", 2):
        assert event["targets"][0]["id"] == attributes["subject"]
        assert event["context"]["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
        assert event["details"]["data"] == {"amount": 100.5, "to": "maria"}
    batch = [{"specversion": "1.0", "id": f"b-{n}", "source": "/b", "type": "batch.item"} for n in range(100)]
    headers = {"Content-Type": "application/cloudevents-batch+json", **authorization}
    for _ in range(2):
        answer = requests.post(f"{url}/api/cloudevents", json.dumps(batch), headers=headers, timeout=30)
        assert answer.ok, answer.text
    reader.find("action:batch.item", 100)
    print("CloudEvents SDK: binary and structured, each twice, kept once; a batch of 100")


def send_logs(url, key, reader):
    for compression in (Compression.NoCompression, Compression.Gzip):
        name = f"billing-{compression.value}"
        exporter = OTLPLogExporter(
            f"{url}/v1/logs", headers={"authorization": f"Bearer {key}"}, compression=compression, timeout=30
        )
        provider = LoggerProvider(Resource.create({"service.name": name, "host.name": "web-1"}))
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
        logger = provider.get_logger("checkout", "1.2.3")
        for n in range(500):
            attributes = {"enduser.id": "maria", "client.address": "192.0.2.7", "n": n, "tags": ["a", "b"]}
            logger.emit(
                LogRecord(
                    timestamp=NANOS + n,
                    severity_number=SeverityNumber.ERROR if n % 10 == 0 else SeverityNumber.INFO,
                    body={"text": "paid", "n": n},
                    attributes=attributes,
                    event_name="invoice.paid",
                )
            )
        assert provider.force_flush(30_000)
        provider.shutdown()
        reader.find(f"action:invoice.paid service:{name} actor:maria ip:192.0.2.7", 500)
        reader.find(f"service:{name} outcome:error", 50)
        event = reader.find(f"service:{name} details.attributes.n:17", 1)[0]
        assert event["occurred_at"] == "2026-01-31T10:00:00.123456Z", event
        assert event["details"]["time_unix_nano"] == str(NANOS + 17)
        assert event["details"]["scope"]["name"] == "checkout" and event["context"]["host"] == "web-1"
        assert event["details"]["body"] == {"text": "paid", "n": 17}
    print("OpenTelemetry SDK: 1,000 records over OTLP/HTTP, plain and gzip")


def documents(count):
    for n in range(count):
        yield {
            "_op_type": "create" if n % 2 else "index",
            "_index": "audit",
            "_id": f"d-{n}",
            "@timestamp": AT,
            "event": {"action": "user-login", "category": ["authentication"], "outcome": "failure"},
            "user": {"id": f"u-{n % 7}"},
            "source.ip": "192.0.2.9",
            "n": n,
        }


def send_bulk(url, key, reader):
    ways = ({"api_key": key}, {"api_key": ("id", key)}, {"basic_auth": ("any", key)}, {"bearer_auth": key})
    for way in ways:
        with Elasticsearch(url, http_compress=True, **way) as client:
            done, errors = helpers.bulk(client, documents(1000), chunk_size=300)
            assert (done, errors) == (1000, []), errors
    reader.find("action:user_login outcome:failure ip:192.0.2.9", 1000)
    reader.find("action:user_login actor:u-3", len(range(3, 1000, 7)))
    assert reader.find('action:user_login details.n:999', 1)[0]["details"]["_id"] == "d-999"
    with Elasticsearch(url, api_key=key) as client:
        mixed = [
            {"_op_type": "create", "_index": "audit", "_id": "d-1", "action": "other.thing"},
            {"_op_type": "index", "_index": "audit", "_id": "own", "action": "invoice.delete", "user_id": "eva"},
            {"_op_type": "delete", "_index": "audit", "_id": "d-1"},
            {"_op_type": "index", "_index": "audit", "_id": "when", "@timestamp": "soon"},
        ]
        done, errors = helpers.bulk(client, mixed, raise_on_error=False)
        kinds = [next(iter(error.values()))["error"]["type"] for error in errors]
        expected = ["version_conflict_engine_exception", "illegal_argument_exception", "document_parsing_exception"]
        assert done == 1 and kinds == expected, errors
    assert reader.find("action:invoice.delete", 1)[0]["actor"]["id"] == "eva"
    print("Elasticsearch client: 1,000 documents four times, each with another credential's form, kept once")


RSYSLOG = """
module(load="imtcp")
module(load="omelasticsearch")
input(type="imtcp" port="{port}" address="127.0.0.1")
template(name="ecs" type="list" option.jsonf="on") {{
  property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host.name" name="hostname" format="jsonf")
  property(outname="service.name" name="programname" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
}}
action(type="omelasticsearch" server="127.0.0.1" serverport="{node}" uid="any" pwd="{key}" searchIndex="hosts"
       searchType="" template="ecs" bulkmode="on" action.resumeRetryCount="-1")
"""

# What its elasticsearch-http() expands to.
SYSLOG_NG = r"""
@version: 3.38
source s {{ network(ip("127.0.0.1") port({port}) transport("tcp") flags(syslog-protocol) keep-hostname(yes)); }};
destination d {{
  http(url("http://127.0.0.1:{node}/_bulk") method("POST") user("any") password("{key}")
       headers("Content-Type: application/x-ndjson") batch-lines(100) batch-timeout(200) delimiter("\n") body-suffix("\n")
       body("{{\"index\":{{\"_index\":\"hosts\"}}}}\n$(format-json --scope rfc5424 --key ISODATE @timestamp=${{ISODATE}})"));
}};
log {{ source(s); destination(d); }};
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def send_by_daemons(url, key, reader, place):
    """rsyslog's omelasticsearch and syslog-ng's way to Elasticsearch hand on what they get by syslog."""
    install = pathlib.Path(__file__).resolve().parents[1] / "syslog-peers" / "install"
    peers = pathlib.Path(subprocess.run([install], stdout=subprocess.PIPE, check=True).stdout.decode().strip())
    environment = {**os.environ, "LD_LIBRARY_PATH": (peers / "libraries").read_text().strip()}
    modules = next(peers.glob("usr/lib/*/rsyslog"))
    http = next(peers.glob("usr/lib/syslog-ng/*/libhttp.so")).parent
    for name, config, options in (
        ("rsyslogd", RSYSLOG, ["-n", "-M", modules, "-i", place / "rsyslogd.pid", "-f"]),
        (
            "syslog-ng",
            SYSLOG_NG,
            ["-F", "--no-caps", f"--module-path={http}", "-p", place / "ng.pid", "-c", place / "ng.ctl"]
            + ["-R", place / "ng.persist", "-f"],
        ),
    ):
        port, file = free_port(), place / f"{name}.conf"
        file.write_text(config.format(port=port, node=url.rsplit(":", 1)[1], key=key))
        with open(place / f"{name}.log", "w") as log:
            command = [peers / "usr" / "sbin" / name, *options, file]
            daemon = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            lines = [f"<13>1 {AT} web-{n} {name} 77 ID - line {n} of \"{name}\"\n" for n in range(200)]
            hand_over(port, "".join(lines).encode())
            deadline = time.monotonic() + 60
            while reader.count(f"service:{name}") < 200:
                assert time.monotonic() < deadline, (place / f"{name}.log").read_text()
                time.sleep(0.2)
        finally:
            daemon.terminate()
            daemon.wait(30)
        for event in reader.find(f"service:{name}", 200):
            assert event["occurred_at"] == "2026-01-31T10:00:00.000000Z", event
            assert event["context"]["host"].startswith("web-"), event
            assert event["details"]["_index"] == "hosts", event
        print(f"{name}: 200 lines of syslog handed on to _bulk")


def hand_over(port, data):
    """Sends lines once the daemon takes connections."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 30) as connection:
                return connection.sendall(data)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "the daemon takes no connections"
            time.sleep(0.1)


def main():
    with indelible.new_log() as (data, place):
        with node(data, place) as (url, key):
            reader = Reader(url, key)
            send_cloudevents(url, key, reader)
            send_logs(url, key, reader)
            send_bulk(url, key, reader)
            send_by_daemons(url, key, reader, place)
        indelible.run("verify", "log", "--data", data)


if __name__ == "__main__":
    main()
