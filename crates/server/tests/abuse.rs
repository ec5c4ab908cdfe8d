//! Requests of those who mean harm: each is told what is wrong, and everybody else goes on as before.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::node::{Answer, Node, answer, bearer};
use crate::operations::asks;
use crate::world::{LOGS, SHOP, World};

const IDLE: usize = 10_000;
const IDLE_AT: &str = "INDELIBLE_TEST_IDLE_AT";
const PROBLEM: &str = "application/problem+json";

/// What breaks out of a header, a log line, a terminal or a page, percent-encoded.
const NASTY: [&str; 10] = [
    "%0d%0aSet-Cookie:%20x=y",
    "%00",
    "%e2%80%aegnp.exe",
    "%1b%5b2J",
    "%22%3e%3cscript%3e",
    "%2e%2e%2f%2e%2e%2fetc",
    "%ff%fe",
    "%zz",
    "%",
    "%f0%9f%92%a9",
];

#[expect(clippy::disallowed_methods, reason = "how long a client waits")]
fn now() -> Instant {
    Instant::now()
}

/// Lets this process have as many files as it may, and says how many.
fn raise_files() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    usize::try_from(limit.current.unwrap_or(u64::MAX)).unwrap()
}

#[test]
#[ignore = "the other end of ten_thousand_idle_connections_harm_nobody, in a process of its own"]
fn holds_connections() {
    let Ok(at) = std::env::var(IDLE_AT) else { return };
    let at: SocketAddr = at.parse().unwrap();
    let count = IDLE.min(raise_files() - 100);
    let mut held: Vec<TcpStream> = Vec::with_capacity(count);
    while held.len() < count {
        let mut stream = TcpStream::connect(at).unwrap();
        // Whoever is far ahead of the other end waits a second for each try beyond its queue.
        if held.len().is_multiple_of(64) {
            stream.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            stream.read_exact(&mut [0; 16]).unwrap();
        }
        held.push(stream);
    }
    println!("held {}", held.len());
    // Until whoever asked goes away.
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn ten_thousand_idle_connections_harm_nobody() {
    let (files, begun) = (raise_files(), now());
    let node = Node::with(|config| config.header_read_timeout = Duration::from_secs(120));
    let mut other = Command::new(std::env::current_exe().unwrap());
    other.args(["--exact", "abuse::holds_connections", "--ignored", "--nocapture"]);
    other
        .env(IDLE_AT, node.running().addr.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut other = other.spawn().unwrap();
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines().map(Result::unwrap);
    let held = lines.find_map(|line| line.split_once("held ").map(|(_, n)| n.to_owned()));
    let held: usize = held.expect("the other end tells how many it holds").parse().unwrap();
    assert_eq!(held, IDLE.min(files - 100), "as many as this machine lets one process have");
    eprintln!("{held} are held after {:?}", begun.elapsed());
    let started = now();
    assert_eq!(node.append(&node.admin, r#"{"action":"a.b"}"#).status, 201);
    assert_eq!(node.get(&node.admin, &format!("{LOGS}?q=action:a.b")).status, 200);
    let took = started.elapsed();
    let metrics = String::from_utf8(node.get(&node.admin, "/metrics").body).unwrap();
    let open =
        metrics.lines().find_map(|line| line.strip_prefix("indelible_connections ")).unwrap();
    let open: usize = open.parse().unwrap();
    drop(other.stdin.take());
    lines.for_each(drop);
    assert!(other.wait().unwrap().success());
    assert!(open >= held, "only {open} of {held} are open");
    eprintln!("{took:?} for an append and a search; all was over after {:?}", begun.elapsed());
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// A clear refusal or an answer: never the node's fault, and nothing of the request as a header of its own.
fn sound(what: &str, answer: &Answer) {
    assert!(
        answer.status < 500,
        "{what}: {} {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    );
    // These two tell it as their protocols do.
    let theirs = what.contains("/_bulk") || what.contains("/v1/logs");
    if answer.status >= 400 && !theirs {
        assert_eq!(answer.headers["content-type"], PROBLEM, "{what}");
        let told = answer.json();
        assert!(!told["detail"].as_str().unwrap().is_empty(), "{what}");
    }
    assert!(!answer.headers.contains_key("set-cookie"), "{what}: {:?}", answer.headers);
    for (name, value) in &answer.headers {
        assert!(
            value.bytes().all(|byte| (0x20..0x7f).contains(&byte)),
            "{what}: {name}: {value:?}"
        );
    }
}

#[test]
fn whatever_stands_in_a_parameter_or_a_path_is_only_data() {
    let world = World::new();
    let api = world.node.ask("GET", "/api/openapi.json", &[], b"").json();
    let admin = world.who("admin");
    let mut made = 0;
    for (method, path) in world.operations() {
        if path.ends_with("/stream") {
            continue;
        }
        let operation = &api["paths"][&path][method.to_lowercase()];
        let plain = asks(&format!("{method} {path}"), &SHOP, "0123456789abcdef").unwrap().remove(0);
        let bare = plain.path.split('?').next().unwrap();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for nasty in NASTY {
            let mut paths = vec![format!("{bare}?{nasty}=1"), format!("{bare}?x={nasty}")];
            for parameter in &parameters {
                let name = parameter["name"].as_str().unwrap();
                paths.push(match parameter["in"].as_str().unwrap() {
                    "query" => format!("{bare}?{name}={nasty}"),
                    "path" => path
                        .replace(&format!("{{{name}}}"), nasty)
                        .replace(&format!("{{*{name}}}"), nasty),
                    _ => continue,
                });
            }
            for path in paths {
                made += 1;
                let answer = world.ask(admin, &method, &path, &plain.body);
                sound(&format!("{method} {path}"), &answer);
            }
        }
    }
    assert!(made > 500, "only {made} requests");
    world.assert_unharmed();
}

#[test]
fn whatever_stands_in_a_header_is_refused_or_only_data() {
    let world = World::new();
    let (admin, long) = (bearer(&world.node.admin), "k".repeat(10_000));
    let bytes = ["\u{e4}\u{202e}", "a\tb", "\"><script>", "\\", "%0d%0a", ",,,;;=", "-1", &long];
    let names = [
        "X-Request-Id",
        "User-Agent",
        "Idempotency-Key",
        "Last-Event-ID",
        "Content-Type",
        "Content-Encoding",
        "Accept-Encoding",
        "Accept",
        "Cookie",
        "Origin",
        "Referer",
        "X-Forwarded-For",
        "Range",
        "If-None-Match",
        "Upgrade",
        "Authorization",
    ];
    for name in names {
        for value in bytes {
            let line = format!("{name}: {value}");
            let credential = if name == "Authorization" { &line } else { &admin };
            for (method, path, body) in [
                ("GET", "/api/trails", ""),
                ("POST", LOGS, r#"{"action":"a.b"}"#),
                ("GET", LOGS, ""),
                ("GET", "/login", ""),
            ] {
                let answer = world.node.ask(method, path, &[credential, &line], body.as_bytes());
                sound(&format!("{method} {path} {name}: {:.20}", value), &answer);
                let reflected = answer
                    .headers
                    .iter()
                    // It says what scripts a page may have.
                    .filter(|(name, _)| *name != "content-security-policy")
                    .any(|(_, told)| told.contains(&long) || told.contains("script"));
                assert!(!reflected, "{line:.40}: {:?}", answer.headers);
            }
            // A stream that begins where it should not would not end.
            if name == "Last-Event-ID" {
                let answer = world.node.ask("GET", "/api/audit/stream", &[&admin, &line], b"");
                answer.problem(400, "bad-parameter");
            }
            if name == "Idempotency-Key" && (value == long || !value.is_ascii()) {
                world
                    .node
                    .ask("POST", LOGS, &[&admin, &line], b"{\"action\":\"a.b\"}")
                    .problem(400, "bad-request");
            }
        }
    }
    world.assert_unharmed();
}

#[test]
fn methods_that_are_none_are_told_so() {
    let world = World::new();
    let operations = world.operations();
    let mut paths: Vec<&str> = operations.iter().map(|(_, path)| path.as_str()).collect();
    paths.extend(["/", "/login", "/logout"]);
    for path in paths {
        let takes = |method: &str| {
            let method = if method == "HEAD" { "GET" } else { method };
            let page =
                matches!((method, path), ("GET", "/" | "/login") | ("POST", "/login" | "/logout"));
            page || operations.iter().any(|(m, p)| m == method && p == path)
        };
        for method in
            ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get"]
        {
            if takes(method) {
                continue;
            }
            let answer =
                world.node.ask(method, &path.replace('*', ""), &[&bearer(&world.node.admin)], b"");
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.headers["content-type"], PROBLEM, "{method} {path}");
        }
    }
    let head = world.node.ask("HEAD", LOGS, &[&bearer(&world.node.admin)], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn a_path_leads_nowhere_but_where_it_says() {
    let world = World::new();
    let shop = world.who("reader of shop");
    for path in [
        "/trails/%2e%2e/checkpoint",
        "/trails/shop/%2e%2e/bank/checkpoint",
        "/trails/shop/../bank/checkpoint",
        "/trails/shop%2f..%2fbank/checkpoint",
        "/trails/bank%00/checkpoint",
        "/trails/shop/tile/0/%2e%2e/%2e%2e/level-0",
        "/trails/shop//checkpoint",
        "/trails/SHOP/checkpoint",
        "/trails/%73hop%2fcheckpoint",
        "/trails/shop/checkpoint/",
        "/trails/shop/checkpoint%00",
        "/trails/_system/checkpoint",
        "/trails/%5fsystem/checkpoint",
        "/trails/%62ank/checkpoint",
        "//api/trails",
        "/api/audit/logs/",
        "/api//audit/logs",
        "/api/audit/logs/..%2f..%2fkeys",
        "/API/trails",
    ] {
        let answer = world.ask(shop, "GET", path, "");
        assert_eq!(answer.status, 404, "{path}: {}", String::from_utf8_lossy(&answer.body));
        sound(path, &answer);
    }
    // An escaped letter is that letter: the same trail, and the same right to it.
    assert_eq!(world.ask(shop, "GET", "/trails/%73hop/checkpoint", "").status, 200);
}

#[test]
fn queries_that_explode_are_cut_off_and_others_are_served() {
    let world = World::new();
    let (shop, bank) = (world.who("reader of shop"), world.who("reader of bank"));
    let encoded = |q: &str| q.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let leaves =
        |count: usize| (0..count).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" OR ");
    let queries = [
        ("/(a+)+$/".to_owned(), 200),
        ("/(.*)*(.*)*x/".into(), 200),
        ("/(a{1000}){1000}/".into(), 400),
        (format!("/{}/", "(a|b|c)?".repeat(500)), 200),
        ("/(?:\\pL{0,500}){0,50}/".into(), 400),
        ("/(/".into(), 400),
        (leaves(256), 200),
        (leaves(257), 400),
        ("*a* ".repeat(32), 200),
        ("*a* ".repeat(33), 400),
        ("(".repeat(33), 400),
        ("-".repeat(8000), 400),
        ("\"".into(), 400),
        ("created:9999999999999999999999d".into(), 400),
        ("details.a:1e999999".into(), 200),
        ("x".repeat(8 << 10 | 1), 400),
    ];
    std::thread::scope(|scope| {
        for (query, expected) in &queries {
            let path = format!("{LOGS}?q={}&count=true", encoded(query));
            let world = &world;
            scope.spawn(move || {
                let answer = world.ask(shop, "GET", &path, "");
                sound(&path[..60.min(path.len())], &answer);
                assert_eq!(
                    answer.status,
                    *expected,
                    "{query:.60}: {}",
                    String::from_utf8_lossy(&answer.body)
                );
            });
        }
        let started = now();
        assert_eq!(world.ask(bank, "GET", &format!("{LOGS}?q=quokkas"), "").status, 200);
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    });
    world.assert_unharmed();
}

#[test]
fn numbers_dates_and_cursors_that_are_none_are_refused() {
    let world = World::new();
    let admin = world.who("admin");
    let first = world.ask(admin, "GET", &format!("{LOGS}?page_size=2"), "").json();
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(
        world.ask(admin, "GET", &format!("{LOGS}?page_size=2&cursor={cursor}"), "").status,
        200
    );
    for at in 0..cursor.len() {
        for with in ['A', '_', 'z', '!'] {
            let mut edited: Vec<char> = cursor.chars().collect();
            edited[at] = with;
            let edited: String = edited.into_iter().collect();
            let answer =
                world.ask(admin, "GET", &format!("{LOGS}?page_size=2&cursor={edited}"), "");
            sound(&edited, &answer);
            assert_eq!(answer.status, if edited == cursor { 200 } else { 400 }, "{edited}");
        }
    }
    for bad in [
        "page_size=-1",
        "page_size=0",
        "page_size=1001",
        "page_size=1e3",
        "page_size=%2b5",
        "page=0",
        "page=-1",
        "page=18446744073709551616",
        "page=1&cursor=x",
        "order=up",
        "sort=seq",
        "count=1",
        "cursor=",
        "start_date=2026-02-30",
        "start_date=2026-02-02&end_date=2026-02-01",
        "end_date=-1",
        "page_size=5&page_size=6",
        "start_date=99999-01-01",
    ] {
        world.ask(admin, "GET", &format!("{LOGS}?{bad}"), "").problem(400, "bad-parameter");
    }
    // Many parameters, and long ones; what leads on is left out where no proxy would let it through.
    let many = "user_id=a&".repeat(300);
    world.ask(admin, "GET", &format!("{LOGS}?{many}"), "").problem(400, "bad-request");
    let long = format!("user_id={}&", "!".repeat(2000)).repeat(4);
    let answer = world.ask(admin, "GET", &format!("{LOGS}?{long}"), "");
    assert_eq!((answer.status, answer.headers.get("link")), (200, None));
    let endless = format!("{LOGS}?q={}", "x".repeat(200_000));
    let status = world.ask(admin, "GET", &endless, "").status;
    assert!((400..500).contains(&status), "{status}");
    world.assert_unharmed();
}

#[test]
fn lengths_that_lie_harm_only_the_liar() {
    let world = World::new();
    let auth = bearer(&world.node.admin);
    let send = |head: &str, body: &str| {
        let mut stream = world.node.connect();
        let request = format!("POST {LOGS} HTTP/1.1\r\nHost: a\r\n{auth}\r\n{head}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let event = r#"{"action":"a.b"}"#;
    for (head, body) in [
        ("Content-Length: 99", event),
        ("Content-Length: 99999999999999999999999", event),
        ("Content-Length: 0x10", event),
        ("Content-Length: +16", event),
        ("Content-Length: 16, 17", event),
        ("Content-Length: 99999999999", event),
        ("Transfer-Encoding: chunked", "ffffffffffffffffff\r\n"),
        ("Transfer-Encoding: chunked", "10\r\n{\"action\":\"a.b\"}\r\n"),
        ("Transfer-Encoding: gzip", event),
        ("Transfer-Encoding: chunked, identity", event),
    ] {
        let told = send(head, body);
        let refused = told.is_empty() || told.starts_with("HTTP/1.1 4");
        assert!(refused && !told.contains(" 201 "), "{head}: {told}");
    }
    // With both, the chunks count or it is refused, and what follows is no second request of somebody else's.
    let both = "Content-Length: 5\r\nTransfer-Encoding: chunked";
    let smuggled = "0\r\n\r\nGET /api/keys HTTP/1.1\r\nHost: a\r\n\r\n";
    let told = send(both, smuggled);
    assert!(!told.contains("\"keys\""), "{told}");
    let mut stream = world.node.connect();
    let short = format!(
        "POST {LOGS} HTTP/1.1\r\nHost: a\r\n{auth}\r\nContent-Length: 3\r\nConnection: close\r\n\r\n{event}"
    );
    stream.write_all(short.as_bytes()).unwrap();
    assert_eq!(answer(&mut stream).status, 400);
    assert_eq!(world.node.append(&world.node.admin, event).status, 201);
    world.assert_unharmed();
}
