//! Exports: each form read by its own reader, recorded before it begins, and never half of it taken for all.

use std::io::{Cursor, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use indelible_store::{Manifest, verify_bundle};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::node::{Answer, Node, bearer, split};
use crate::search::{LOGS, Tenants};

const EXPORT: &str = "/api/audit/export";
const FORMATS: [&str; 7] = ["csv", "ndjson", "ocsf", "cef", "cloudevents", "parquet", "bundle"];
/// What a hostile caller puts into every text.
const NASTY: &str = "=1+1\",\"a\\\n\r\n\t\u{2028};'</script>\u{0}\u{7f}ü\u{10ffff}";

/// Two trails, with sealed records and others, some of which are hostile.
fn nasty() -> Tenants {
    let tenants = Tenants::new();
    let event = |n: u64| {
        json!({
            "trail": "bank", "action": "note.write", "user_id": format!("{NASTY}{n}"), "user_email": NASTY,
            "resource_type": NASTY, "resource_id": NASTY, "ip_address": NASTY, "error_message": NASTY,
            "metadata": {"text": NASTY, "n": n}, "old_value": null, "new_value": [NASTY],
            "outcome": "denied", "user_agent": NASTY, "correlation_id": NASTY,
        })
    };
    tenants.append(&(0..20).map(event).collect::<Vec<_>>());
    tenants
}

/// A node with so many small events in one trail, most of them sealed.
fn many(count: u64) -> Node {
    let node = Node::new();
    fill(&node, count);
    node
}

fn fill(node: &Node, count: u64) {
    let filler = "x".repeat(400);
    for from in (0..count).step_by(5_000) {
        let to = count.min(from + 5_000);
        let lines = (from..to).map(|n| format!("{{\"action\":\"a.b\",\"user_id\":\"u{}\",\"metadata\":{{\"n\":{n},\"t\":\"{filler}\"}}}}\n", n % 7));
        let headers = [&*bearer(&node.admin), "Content-Type: application/x-ndjson"];
        let body: String = lines.collect();
        assert_eq!(node.ask("POST", LOGS, &headers, body.as_bytes()).status, 201);
    }
    indexed(node);
}

fn indexed(node: &Node) {
    let reader = node.running().state().reader();
    let search = reader.search().unwrap();
    search.wait_indexed(reader.view().next_pos(), std::time::Duration::from_secs(60));
}

fn export(node: &Node, key: &str, query: &str) -> Answer {
    indexed(node);
    let answer = node.get(key, &format!("{EXPORT}?{query}"));
    assert_eq!(answer.status, 200, "{query}: {}", String::from_utf8_lossy(&answer.body));
    answer
}

fn lines(answer: &Answer) -> Vec<Value> {
    let text = std::str::from_utf8(&answer.body).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.split_terminator('\n').map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The beginning of an export, whose rest is not read yet.
struct Begun {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Begun {
    fn new(node: &Node, key: &str, query: &str) -> Begun {
        indexed(node);
        let mut stream = node.connect();
        let head = format!(
            "GET {EXPORT}?{query} HTTP/1.1\r\nHost: node\r\n{}\r\nConnection: close\r\n\r\n",
            bearer(key)
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut begun = Begun { stream, bytes: Vec::new() };
        while begun.bytes.len() < 8192 {
            begun.more();
        }
        assert!(
            begun.bytes.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&begun.bytes)
        );
        begun
    }

    fn more(&mut self) -> usize {
        let mut chunk = [0; 64 << 10];
        let len = self.stream.read(&mut chunk).unwrap_or(0);
        self.bytes.extend_from_slice(&chunk[..len]);
        len
    }

    /// The rest, and whether it came to its end.
    fn rest(mut self) -> (Answer, bool) {
        while self.more() > 0 {}
        (split(&self.bytes), self.bytes.ends_with(b"\r\n0\r\n\r\n"))
    }
}

/// What `_system` says of exports, once it says so much.
fn told(node: &Node, count: usize) -> Vec<Value> {
    for _ in 0..600 {
        let told = node.system("audit.export");
        if told.len() >= count {
            return told;
        }
        std::thread::yield_now();
        pause();
    }
    panic!("it is not told: {:?}", node.system("audit.export"));
}

/// A moment for what goes on elsewhere.
fn pause() {
    let (_sender, receiver) = std::sync::mpsc::channel::<()>();
    assert!(receiver.recv_timeout(std::time::Duration::from_millis(20)).is_err());
}

#[expect(clippy::disallowed_methods, reason = "a test's own files")]
fn write(path: &std::path::Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

fn python(code: &str, files: &[&std::path::Path]) -> String {
    let done = Command::new("python3").args(["-I", "-c", code]).args(files).output().unwrap();
    assert!(
        done.status.success(),
        "{} {}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn lines_are_the_very_events_of_search_in_either_order() {
    let tenants = nasty();
    let admin = &tenants.node.admin;
    let page = tenants
        .ok(admin, &format!("{LOGS}?page_size=1000&tenant_id=shop&tenant_id=bank&order=asc"));
    let wanted = page["events"].as_array().unwrap();
    assert_eq!(wanted.len(), 83);
    let answer = export(&tenants.node, admin, "format=ndjson&tenant_id=shop&tenant_id=bank");
    assert_eq!(&lines(&answer), wanted);
    assert_eq!(answer.headers["indelible-export-events"], "83");
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    let named = &answer.headers["content-disposition"];
    assert!(
        named.starts_with("attachment; filename=\"indelible-") && named.ends_with("Z.ndjson\""),
        "{named}"
    );
    let mut down =
        lines(&export(&tenants.node, admin, "format=ndjson&order=desc&q=trail:shop,bank"));
    down.reverse();
    assert_eq!(&down, wanted);
    let some =
        export(&tenants.node, admin, "format=ndjson&action=sale.cancel&q=details.amount:%3E30");
    assert!(lines(&some).iter().all(|event| event["action"] == "sale.cancel"));
    assert_eq!(some.headers["indelible-export-events"], "9");
    let none = export(&tenants.node, admin, "format=ndjson&user_id=nobody");
    assert_eq!((none.body.len(), &*none.headers["indelible-export-events"]), (0, "0"));
}

#[test]
fn a_table_is_read_by_pythons_csv_and_lines_of_ocsf_are_json() {
    let tenants = nasty();
    let admin = &tenants.node.admin;
    let answer = export(&tenants.node, admin, "format=csv&tenant_id=bank");
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bank.csv");
    write(&path, &answer.body);
    let code = "import csv, json, sys\n\
                rows = list(csv.DictReader(open(sys.argv[1], newline='', encoding='utf-8-sig'), strict=True))\n\
                assert all(None not in row and None not in row.values() for row in rows)\n\
                print(json.dumps(rows))";
    let rows: Vec<Value> = serde_json::from_str(&python(code, &[&path])).unwrap();
    assert_eq!(rows.len(), 22);
    assert_eq!(rows[0]["trail"], "bank");
    let seqs: Vec<&str> = rows.iter().map(|row| row["seq"].as_str().unwrap()).collect();
    assert_eq!(seqs, (0..22).map(|n| n.to_string()).collect::<Vec<_>>());
    let answer = export(&tenants.node, admin, "format=ocsf&tenant_id=bank");
    assert_eq!(lines(&answer).len(), 22);
}

#[test]
fn cef_and_cloudevents_name_the_leaf_and_one_event_a_line() {
    let tenants = nasty();
    let admin = &tenants.node.admin;
    let trails = tenants.node.get(admin, "/api/trails").json();
    let bank = trails["trails"].as_array().unwrap().iter().find(|of| of["name"] == "bank").unwrap();
    let events = lines(&export(&tenants.node, admin, "format=ndjson&tenant_id=bank"));
    let answer = export(&tenants.node, admin, "format=cef&tenant_id=bank");
    assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
    let text = String::from_utf8(answer.body).unwrap();
    let told: Vec<&str> = text.split_terminator('\n').collect();
    let answer = export(&tenants.node, admin, "format=cloudevents&tenant_id=bank");
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    let clouds = lines(&answer);
    assert_eq!((told.len(), clouds.len()), (22, 22));
    for ((line, cloud), event) in told.iter().zip(&clouds).zip(&events) {
        assert!(line.starts_with("CEF:0|Indelible|Indelible|"), "{line}");
        assert!(
            !line.contains('\r') && line.ends_with(&format!("cn1={} cn1Label=seq", event["seq"]))
        );
        let id = event["id"].as_str().unwrap();
        assert!(line.contains(&format!(" externalId={id} ")), "{line}");
        // The whole event, from the trail that its source names.
        assert_eq!((&cloud["specversion"], &cloud["data"]), (&"1.0".into(), event));
        let source = format!("//{}", bank["origin"].as_str().unwrap());
        assert_eq!((&cloud["id"], &cloud["source"]), (&event["id"], &source.into()));
        let shown = tenants.node.get(admin, &format!("{LOGS}/{id}?trail=bank")).json();
        assert_eq!(cloud["leaf"], shown["receipt"]["leaf"], "{shown}");
        let leaf = cloud["leaf"].as_str().unwrap();
        assert!(line.contains(&format!(" cs2={leaf} cs2Label=leafHash ")), "{line}");
    }
}

#[test]
fn parquet_has_facets_and_parts_and_what_makes_the_leaves() {
    let tenants = nasty();
    let admin = &tenants.node.admin;
    let query = "format=parquet&entries=true&tenant_id=shop&tenant_id=bank";
    let answer = export(&tenants.node, admin, query);
    assert_eq!(answer.headers["content-type"], "application/vnd.apache.parquet");
    let events =
        lines(&export(&tenants.node, admin, &query.replace("parquet&entries=true", "ndjson")));
    let file = SerializedFileReader::new(bytes::Bytes::from(answer.body)).unwrap();
    let schema = file.metadata().file_metadata().schema_descr();
    let names: Vec<&str> = (0..schema.num_columns())
        .map(|at| schema.column(at).name().to_owned().leak() as &str)
        .collect();
    assert_eq!(
        names,
        [
            "trail",
            "seq",
            "id",
            "recorded_at",
            "occurred_at",
            "action",
            "category",
            "outcome",
            "phase",
            "ref",
            "source_id",
            "source_seq",
            "recorded_by",
            "actor_type",
            "actor_id",
            "actor_email",
            "target_type",
            "target_id",
            "ip",
            "service",
            "who",
            "where",
            "what",
            "entry",
            "leaf",
        ]
    );
    let rows: Vec<_> = file.get_row_iter(None).unwrap().map(|row| row.unwrap()).collect();
    assert_eq!(rows.len(), events.len());
    for (row, event) in rows.iter().zip(&events) {
        assert_eq!(row.get_string(0).unwrap(), event["trail"].as_str().unwrap());
        assert_eq!(row.get_long(1).unwrap() as u64, event["seq"].as_u64().unwrap());
        assert_eq!(row.get_string(5).unwrap(), event["action"].as_str().unwrap());
        assert_eq!(row.get_string(14).unwrap(), event["actor"]["id"].as_str().unwrap());
        if let Some(ip) = event["context"]["ip"].as_str() {
            assert_eq!(row.get_string(18).unwrap(), ip);
        }
        if let Some(details) = event.get("details") {
            let what: Value = serde_json::from_str(row.get_string(22).unwrap()).unwrap();
            assert_eq!(&what["details"], details);
        }
        let mut leaf = vec![0];
        leaf.extend_from_slice(row.get_bytes(23).unwrap().data());
        assert_eq!(&*Sha256::digest(&leaf), row.get_bytes(24).unwrap().data());
    }
    let id = events[70]["id"].as_str().unwrap();
    let receipt = &tenants
        .ok(admin, &format!("{LOGS}/{id}?trail={}", events[70]["trail"].as_str().unwrap()))["receipt"];
    let leaf = rows[70].get_bytes(24).unwrap().data();
    assert_eq!(receipt["leaf"], indelible_log::hex::encode(leaf));
}

#[test]
fn a_bundle_is_verified_by_us_and_by_what_it_brings() {
    let tenants = nasty();
    let (node, admin) = (&tenants.node, &tenants.node.admin);
    let answer = export(
        node,
        admin,
        "format=bundle&tenant_id=shop&tenant_id=bank&redact=where,who&ticket=evidence-1",
    );
    assert_eq!(answer.headers["content-type"], "application/zip");
    assert_eq!(answer.headers["indelible-export-events"], "83");
    let keys: Vec<_> = tenants.ok(admin, "/api/trails")["trails"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trail| trail["vkey"].as_str().unwrap().parse().unwrap())
        .collect();
    let proven = verify_bundle(Cursor::new(&answer.body), &keys).unwrap();
    let Manifest { events, redacted, recorded_as, query, made_by, .. } = &proven.manifest;
    assert_eq!(
        (*events, redacted.join(","), made_by.credential.starts_with("key:")),
        (83, "who,where".into(), true)
    );
    assert!(query.contains("trail:\"shop\""), "{query}");
    let told = told(node, 2);
    assert_eq!(told[0]["id"], recorded_as.clone().unwrap());
    assert_eq!(told[0]["details"]["redact"], json!(["who", "where"]));
    assert_eq!((&told[1]["ref"], &told[1]["outcome"]), (&told[0]["id"], &json!("success")));
    assert_eq!(told[1]["details"]["manifest_sha256"], proven.manifest_sum());
    assert_eq!(
        told[1]["details"]["sha256"],
        indelible_log::hex::encode(&Sha256::digest(&answer.body))
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("b.zip");
    write(&path, &answer.body);
    let code = "import runpy, sys, zipfile\n\
                bundle = zipfile.ZipFile(sys.argv[1])\n\
                assert bundle.testzip() is None\n\
                place = sys.argv[1] + '.d'\n\
                bundle.extract('verify.py', place)\n\
                sys.argv = [place + '/verify.py', sys.argv[1]]\n\
                try: runpy.run_path(sys.argv[0], run_name='__main__')\n\
                except SystemExit as e: assert not e.code, e.code";
    let said = python(code, &[&path]);
    assert!(said.contains("It holds: 83 events of 2 trails"), "{said}");
    let progress = tenants.ok(admin, &format!("{EXPORT}/progress/evidence-1"));
    assert_eq!(
        (&progress["state"], &progress["events"], &progress["of"]),
        (&json!("done"), &json!(83), &json!(83))
    );
    // Of nothing at all there is a bundle, too.
    let none = export(node, admin, "format=bundle&user_id=nobody");
    assert_eq!(verify_bundle(Cursor::new(&none.body), &[]).unwrap().manifest.events, 0);
    // What was just appended is waited for.
    tenants.append(&[json!({"trail": "shop", "action": "just.now"})]);
    let now = export(node, admin, "format=bundle&action=just.now");
    assert_eq!(verify_bundle(Cursor::new(&now.body), &keys).unwrap().manifest.events, 1);
}

#[test]
fn what_is_exported_is_told_before_its_first_byte_and_how_it_ended() {
    let node = many(3_000);
    let auditor = node.key("auditor", None);
    let begun = Begun::new(&node, &auditor, "format=ndjson&user_id=u3&ticket=nightly_01");
    let first = node.system("audit.export");
    assert!(!first.is_empty(), "it is told by now");
    assert_eq!((&first[0]["phase"], &first[0]["outcome"]), (&json!("intent"), &json!("pending")));
    assert!(first[0]["actor"]["id"].as_str().unwrap().starts_with("key:"));
    let wanted = json!({"query": "actor:\"u3\"", "format": "ndjson", "order": "asc", "events": 429, "ticket": "nightly_01"});
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(&first[0]["details"][name], value, "{name}");
    }
    assert_eq!(first[0]["details"]["trails"], json!(["_system", "default"]));
    let (answer, whole) = begun.rest();
    assert!(whole && lines(&answer).len() == 429);
    // The end was told before the body ended.
    let both = node.system("audit.export");
    assert_eq!(both.len(), 2);
    assert_eq!(
        (&both[1]["phase"], &both[1]["outcome"], &both[1]["ref"]),
        (&json!("outcome"), &json!("success"), &both[0]["id"])
    );
    let details = &both[1]["details"];
    assert_eq!((&details["events"], &details["bytes"]), (&json!(429), &json!(answer.body.len())));
    assert_eq!(details["sha256"], indelible_log::hex::encode(&Sha256::digest(&answer.body)));
    // Every export is told, those of `_system` as well, however often they come.
    for _ in 0..2 {
        export(&node, &auditor, "format=csv&tenant_id=_system");
    }
    assert_eq!(node.system("audit.export").len(), 6);
}

#[test]
fn progress_is_for_the_credential_that_asked_and_for_an_hour() {
    let tenants = Tenants::new();
    let node = &tenants.node;
    let auditor = node.key("auditor", None);
    let path = format!("{EXPORT}/progress/my-ticket");
    node.get(&auditor, &path).problem(404, "not-found");
    export(node, &auditor, "format=csv&ticket=my-ticket");
    let progress = tenants.ok(&auditor, &path);
    assert_eq!((&progress["state"], &progress["message"]), (&json!("done"), &Value::Null));
    assert!(progress["bytes"].as_u64().unwrap() > 100);
    node.get(&node.admin, &path).problem(404, "not-found");
    node.get(&tenants.shop, &path).problem(403, "forbidden");
    // The same name can be given again once it has ended.
    export(node, &auditor, "format=csv&ticket=my-ticket&action=till.open");
    assert_eq!(tenants.ok(&auditor, &path)["events"], 1);
    node.clock.advance(3_599_000_000);
    assert_eq!(node.get(&auditor, &path).status, 200);
    node.clock.advance(1_000_000);
    node.get(&auditor, &path).problem(404, "not-found");
}

#[test]
fn what_cannot_be_asked_is_refused_by_name() {
    let tenants = Tenants::new();
    let admin = &tenants.node.admin;
    for (query, name) in [
        ("", "format"),
        ("format=xml", "format"),
        ("format=csv&entries=true", "entries"),
        ("format=csv&redact=who", "redact"),
        ("format=bundle&redact=whom", "redact"),
        ("format=csv&order=up", "order"),
        ("format=csv&ticket=short", "ticket"),
        ("format=csv&ticket=has%20a%20space", "ticket"),
        ("format=csv&from_seq=1", "from_seq"),
        ("format=csv&to_seq=1&tenant_id=shop&tenant_id=bank", "to_seq"),
        ("format=csv&from_seq=5&to_seq=4&tenant_id=shop", "to_seq"),
    ] {
        let problem =
            tenants.get(admin, &format!("{EXPORT}?{query}")).problem(400, "bad-parameter");
        assert_eq!(problem["parameter"], name, "{query}");
    }
    tenants
        .get(admin, &format!("{EXPORT}?format=csv&page_size=5"))
        .problem(400, "unknown-parameter");
    tenants.get(admin, &format!("{EXPORT}?format=csv&q=%28")).problem(400, "bad-query");
    tenants.get(admin, &format!("{EXPORT}?format=csv&tenant_id=nobody")).problem(404, "not-found");
    tenants
        .get(&tenants.shop, &format!("{EXPORT}?format=csv&tenant_id=shop"))
        .problem(403, "forbidden");
    assert_eq!(tenants.node.system("audit.export").len(), 0, "what was refused was not exported");
}

#[test]
fn a_part_of_a_trail_is_exported_by_its_places() {
    let tenants = Tenants::new();
    let seqs = |query: &str| -> Vec<u64> {
        let answer = export(
            &tenants.node,
            &tenants.node.admin,
            &format!("format=ndjson&tenant_id=shop&{query}"),
        );
        let seqs: Vec<u64> =
            lines(&answer).iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        if let Some(of) = answer.headers.get("indelible-export-events") {
            assert_eq!(of.parse(), Ok(seqs.len()), "{query}");
        }
        seqs
    };
    assert_eq!(seqs("from_seq=38&to_seq=42"), [38, 39, 40, 41, 42]);
    assert_eq!(seqs("from_seq=38&to_seq=42&order=desc"), [42, 41, 40, 39, 38]);
    assert_eq!(seqs("to_seq=2"), [0, 1, 2]);
    assert_eq!(seqs("from_seq=59"), [59, 60]);
    assert!(seqs("from_seq=61").is_empty());
    assert_eq!(seqs("from_seq=36&to_seq=46&action=sale.cancel"), [36, 39, 43, 46]);
}

#[test]
fn a_client_that_takes_nothing_holds_back_a_hundred_thousand_events() {
    let node = many(100_000);
    node.store.as_ref().unwrap().log().seal().unwrap();
    node.store.as_ref().unwrap().log().wait_sealed().unwrap();
    let begun = Begun::new(&node, &node.admin, "format=ndjson&tenant_id=default&ticket=slow-one");
    // What comes later is not in it.
    node.append(&node.admin, r#"{"action":"too.late"}"#);
    (0..25).for_each(|_| pause());
    let path = format!("{EXPORT}/progress/slow-one");
    let progress = node.get(&node.admin, &path).json();
    assert_eq!((&progress["state"], &progress["of"]), (&json!("running"), &json!(100_000)));
    // What the system's own buffers hold has left.
    assert!(progress["bytes"].as_u64().unwrap() < 16 << 20, "{progress}");
    node.get(&node.admin, &format!("{EXPORT}?format=csv&ticket=slow-one"))
        .problem(409, "ticket-in-use");
    let (answer, whole) = begun.rest();
    assert!(whole && answer.body.len() > 48 << 20);
    let newlines = answer.body.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(newlines, 100_000);
    assert_eq!(node.get(&node.admin, &path).json()["state"], "done");
}

#[test]
fn a_client_that_goes_away_leaves_nothing_behind() {
    let node = many(20_000);
    for (turn, format) in ["ndjson", "parquet", "bundle"].into_iter().enumerate() {
        let ticket = format!("left-alone-{turn}");
        // Bundles are smaller, so that they do not fit into the buffers of the system.
        let of = if format == "bundle" { "&to_seq=9999" } else { "" };
        drop(Begun::new(
            &node,
            &node.admin,
            &format!("format={format}&tenant_id=default&ticket={ticket}{of}"),
        ));
        let told = told(&node, 2 * turn + 2).pop().unwrap();
        assert_eq!(
            (&told["outcome"], &told["error"]["code"]),
            (&json!("error"), &json!("client_gone")),
            "{told}"
        );
        assert!(told["details"].get("sha256").is_none());
        let progress = node.get(&node.admin, &format!("{EXPORT}/progress/{ticket}")).json();
        assert_eq!(
            (&progress["state"], &progress["message"]),
            (&json!("failed"), &json!("the client went away"))
        );
    }
    // All places are free again: these are one more.
    for turn in 0..9 {
        drop(Begun::new(&node, &node.admin, "format=ndjson&tenant_id=default"));
        told(&node, 2 * turn + 8);
    }
}

#[test]
fn too_many_at_once_are_asked_to_come_again() {
    let node = many(20_000);
    let auditor = node.key("auditor", None);
    let begin = |key: &str| Begun::new(&node, key, "format=ndjson&tenant_id=default");
    // Half of the places are another's, whatever one asks for.
    let begun: Vec<Begun> = (0..4).map(|_| begin(&node.admin)).collect();
    node.get(&node.admin, &format!("{EXPORT}?format=csv")).problem(503, "unavailable");
    let others: Vec<Begun> = (0..4).map(|_| begin(&auditor)).collect();
    let third = node.key("auditor", None);
    node.get(&third, &format!("{EXPORT}?format=csv")).problem(503, "unavailable");
    drop((begun, others));
    told(&node, 16);
    export(&node, &node.admin, "format=csv&user_id=nobody");
}

#[test]
fn a_node_that_stops_breaks_its_exports_off() {
    let mut node = many(30_000);
    let begun = Begun::new(&node, &node.admin, "format=ndjson&tenant_id=default");
    let reading = std::thread::spawn(move || begun.rest());
    node.stop();
    let (_, whole) = reading.join().unwrap();
    assert!(!whole, "a short file must not look whole");
    let told = told(&node, 2);
    assert_eq!(
        (&told[1]["outcome"], &told[1]["error"]["code"]),
        (&json!("error"), &json!("stopping"))
    );
}

#[test]
fn a_key_that_is_revoked_gets_no_more() {
    let node = many(20_000);
    let auditor = node.key("auditor", None);
    let begun = Begun::new(&node, &auditor, "format=ndjson&tenant_id=default");
    let path = format!("/api/keys/{}", &auditor["idl_".len()..][..16]);
    assert_eq!(node.ask("DELETE", &path, &[&bearer(&node.admin)], b"").status, 204);
    let (_, whole) = begun.rest();
    assert!(!whole);
    assert_eq!(told(&node, 2)[1]["error"]["code"], "refused");
}

#[test]
fn a_token_that_expires_gets_no_more() {
    let (node, _dir) = crate::jwt::node_with_key();
    fill(&node, 20_000);
    let token = crate::jwt::token(&node, json!({}));
    let begun = Begun::new(&node, &token, "format=ndjson&tenant_id=default");
    node.clock.advance(91_000_000);
    let (_, whole) = begun.rest();
    assert!(!whole);
    assert_eq!(told(&node, 2)[1]["error"]["code"], "refused");
}

#[test]
fn who_only_looks_exports_nothing() {
    let node = many(10);
    let looked = |path: &str| node.ask("HEAD", path, &[&bearer(&node.admin)], b"").status;
    assert_eq!(looked(&format!("{EXPORT}?format=csv")), 405);
    assert_eq!(looked("/export/file?format=csv"), 204);
    assert!(node.system("audit.export").is_empty());
}

#[test]
fn a_record_that_does_not_match_its_leaf_breaks_it_off() {
    let node = many(3_000);
    node.store.as_ref().unwrap().log().seal().unwrap();
    node.store.as_ref().unwrap().log().wait_sealed().unwrap();
    let page = node.get(&node.admin, &format!("{LOGS}?tenant_id=default&page_size=1")).json();
    alter_id(&node.dir.path().join("segments"), page["events"][0]["id"].as_str().unwrap());
    let answer =
        node.get(&node.admin, &format!("{EXPORT}?format=ndjson&tenant_id=default&order=desc"));
    let problem = answer.problem(500, "internal");
    assert!(
        problem["detail"].as_str().unwrap().starts_with("ALARM: trail default seq 2999"),
        "{problem}"
    );
    assert_eq!(node.system("audit.export").len(), 0, "nothing left");
    let (_, whole) = Begun::new(&node, &node.admin, "format=ndjson&tenant_id=default").rest();
    assert!(!whole);
    let told = told(&node, 2);
    let error = told[1]["error"]["message"].as_str().unwrap();
    assert!(error.starts_with("ALARM: trail default seq 2999"), "{error}");
    for format in FORMATS {
        let answer = node
            .get(&node.admin, &format!("{EXPORT}?format={format}&tenant_id=default&from_seq=2999"));
        answer.problem(500, "internal");
    }
}

/// Changes a record where it lies.
#[expect(clippy::disallowed_methods, reason = "somebody alters the files")]
fn alter_id(segments: &std::path::Path, id: &str) {
    use std::os::unix::fs::FileExt as _;
    let id = indelible_event::EventId::parse(id).unwrap().0;
    let mut altered = 0;
    for file in std::fs::read_dir(segments).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "parquet") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for at in (0..bytes.len() - 16).filter(|at| bytes[*at..].starts_with(&id)) {
            let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            file.write_at(&[id[15] ^ 1], at as u64 + 15).unwrap();
            altered += 1;
        }
    }
    assert!(altered > 0, "no file has the id");
}

#[test]
fn a_bundle_of_too_many_is_refused_before_anything_leaves() {
    let node = many(10_001);
    let answer = node.get(&node.admin, &format!("{EXPORT}?format=bundle&tenant_id=default"));
    let problem = answer.problem(413, "too-large");
    assert_eq!(problem["events_max"], 10_000);
    assert_eq!(node.system("audit.export").len(), 0);
}
