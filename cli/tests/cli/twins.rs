//! The questions, to a real node and to the directory that it serves: one answer, and how it is shown.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Stdio};

use crate::harness::{Log, Node, Ran};

/// A backup's life. The second and third share a correlation, the last was begun and never ended.
const EVENTS: &str = r#"
{"id":"0190b1a0-0000-7000-8000-000000000001","occurred_at":"2026-11-20T11:00:00Z","action":"user.login","category":"login_failed","outcome":"failure","actor":{"type":"user","id":"eve\u001b[2J"},"error":{"message":"Wrong password again"},"context":{"ip":"192.0.2.7","service":"user-service"}}
{"id":"0190b1a0-0000-7000-8000-000000000002","occurred_at":"2026-11-20T11:00:05Z","action":"user.login","category":"login","outcome":"success","actor":{"type":"user","id":"maria"},"context":{"ip":"198.51.100.1","service":"user-service","correlation_id":"c-1"}}
{"id":"0190b1a0-0000-7000-8000-000000000003","occurred_at":"2026-11-20T13:00:05.123456Z","action":"backup.update","outcome":"success","actor":{"type":"user","id":"maria"},"targets":[{"type":"backup","id":"db-0417"}],"changes":{"before":{"price":1.10,"kept":1},"after":{"price":"two","kept":1,"x":[1]}},"details":{"n":12345678901234567890.10,"size":700},"context":{"ip":"198.51.100.1","service":"backup-service","correlation_id":"c-1"}}
{"id":"0190b1a0-0000-7000-8000-000000000004","occurred_at":"2026-11-20T13:00:06Z","action":"backup.restore","phase":"intent","actor":{"type":"user","id":"maria"},"targets":[{"type":"backup","id":"db-0417"}],"context":{"ip":"198.51.100.1","service":"backup-service"}}
{"id":"0190b1a0-0000-7000-8000-000000000005","occurred_at":"2026-11-20T13:00:07Z","action":"backup.update","phase":"correction","ref":"0190b1a0-0000-7000-8000-000000000003","actor":{"type":"user","id":"jonas"},"details":{"note":"it was jonas"}}
"#;
const UPDATED: &str = "0190b1a0-0000-7000-8000-000000000003";

/// A log, and a node that serves it.
struct Twins {
    log: Log,
    node: Node,
    key: String,
}

impl Twins {
    fn new() -> Twins {
        let log = Log::new();
        log.append(EVENTS);
        let key = log.run(["key", "create", "--role", "admin", "--name", "ops"]).ok().stdout;
        let (node, key) = (Node::start(&log, &[]), key.trim().to_owned());
        Twins { log, node, key }
    }

    fn at_node(&self) -> [&str; 4] {
        ["--url", self.node.url(), "--key", &self.key]
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mut command = self.log.command(args);
        Ran::of(command.env("TZ", "UTC").stdin(Stdio::null()).output().unwrap())
    }

    /// Asks both, which must say the same.
    #[track_caller]
    fn ask(&self, args: &[&str]) -> Ran {
        let local = self.run(args);
        let remote = self.run(&[args, &self.at_node()].concat());
        assert_eq!((&local.stdout, local.code), (&remote.stdout, remote.code), "{args:?}");
        assert_eq!(local.stderr, remote.stderr, "{args:?}");
        local
    }

    /// The last digits of what a search finds, in its order.
    #[track_caller]
    fn found(&self, args: &[&str]) -> String {
        let args = [&["search", "--trail", "default"], args].concat();
        let found = self.ask(&args).ok().json();
        found.iter().map(|event| event["id"].as_str().unwrap().chars().last().unwrap()).collect()
    }
}

#[test]
fn searches_find_the_same_on_both() {
    let twins = Twins::new();
    for (query, found) in [
        (&[][..], "54321"),
        (&["--oldest-first"], "12345"),
        (&["-n", "2"], "54"),
        (&["password"], "1"),
        (&["\"wrong password\""], "1"),
        (&["\"password wrong\""], ""),
        (&["password wrong"], "1"),
        (&["-actor:maria"], "51"),
        (&["actor:maria", "-action:user.*"], "43"),
        (&["-maria", "-jonas"], "1"),
        (&["action:backup.*"], "543"),
        (&["outcome:failure OR phase:intent"], "41"),
        (&["ip:192.0.2.0/24"], "1"),
        (&["ip:198.51.*"], "432"),
        (&["details.size:>500"], "3"),
        (&["details.size:>700"], ""),
        (&["occurred:2026-11-20T13:00:06Z..2026-11-20T13:00:07Z"], "54"),
        (&["occurred:<2026-11-20T12:00:00Z", "--sort", "occurred"], "21"),
        (&["created:>-1h"], "54321"),
        (&["created:<2020-01-01"], ""),
        (&["--since", "2026-11-20 13:00:06"], "54"),
        (&["--until", "2026-11-20 12:00"], "21"),
        (&["--until", "2026-11-20"], "54321"),
    ] {
        assert_eq!(twins.found(query), found, "{query:?}");
    }
    assert_eq!(twins.ask(&["search", "actor:maria", "--count"]).ok().stdout, "3\n");
    // Events are passed on as they are kept, to the last digit.
    let told = twins.ask(&["search", "correlation:c-1", "action:backup.update"]).ok().stdout;
    assert!(told.contains(r#""n":12345678901234567890.10,"#), "{told}");
    let told =
        twins.ask(&["search", "--trail", "default", "--text", "-n", "2", "password OR restore"]);
    assert_eq!(
        told.ok().stdout,
        "2026-11-20 13:00:06  default   maria is about to restore backup db-0417\n\
         2026-11-20 11:00:00  default   eve\\u{1b}[2J tried to sign in, and failed (Wrong password again)\n"
    );
    let more = twins.ask(&["search", "--trail", "default", "--text", "-n", "1"]).ok();
    more.says("there is more");
    twins.ask(&["search", "nothing_like_it", "--text"]).ok().says("nothing found");
}

#[test]
fn many_pages_are_one_answer() {
    let twins = Twins::new();
    let events: String = (0..2100)
        .map(|n| {
            format!("{{\"action\":\"page.turn\",\"trail\":\"book\",\"details\":{{\"n\":{n}}}}}\n")
        })
        .collect();
    let send = [&["append"][..], &twins.at_node()].concat();
    twins.log.feed(send, events.as_bytes()).ok();
    let all = twins.ask(&["search", "--trail", "book", "--all", "--oldest-first"]).ok().json();
    let numbers: Vec<u64> = all.iter().map(|e| e["details"]["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..2100).collect::<Vec<_>>());
    assert_eq!(twins.ask(&["search", "--trail", "book", "-n", "1500"]).ok().json().len(), 1500);
    assert_eq!(twins.ask(&["search", "--trail", "book", "--count"]).ok().stdout, "2,100\n");
}

#[test]
fn what_cannot_be_read_is_marked() {
    let twins = Twins::new();
    for (query, marked) in [
        ("a actr:maria", "  a actr:maria\n    ^^^^\nhint: did you mean `actor`?"),
        ("ip:300.1.1.1", "  ip:300.1.1.1\n     ^^^^^^^^^\nhint:"),
        ("(a OR", "  (a OR\n       ^\n"),
        ("created:whenever", "  created:whenever\n          ^^^^^^^^\n"),
    ] {
        for command in ["search", "stats"] {
            let ran = twins.ask(&[command, query]).status(2);
            assert!(ran.stdout.is_empty());
            ran.says(marked);
        }
        twins.run(&["tail", "-f", query]).status(2).says(marked);
        twins.run(&[&["tail", "-f", query][..], &twins.at_node()].concat()).status(2).says(marked);
    }
}

#[test]
fn an_event_is_shown_with_what_it_changed() {
    let twins = Twins::new();
    let shown = twins.ask(&["show", UPDATED, "--text", "--trail", "default"]).ok().stdout;
    for part in [
        "maria updated backup db-0417\nhappened 2026-11-20 13:00:05.123456 +00:00, recorded ",
        "targets[0].id           db-0417\n",
        "details.n               12345678901234567890.10\n",
        "\n  - 1.10\n  + \"two\"\n",
        "  /x add\n  + [1]\n",
        "  correction  2026-11-20 13:00:07  0190b1a0-0000-7000-8000-000000000005  jonas corrected `backup.update`",
        "seq 2, id 0190b1a0",
        "published",
    ] {
        assert!(shown.contains(part), "{part:?} is not in:\n{shown}");
    }
    assert!(!shown.contains("/kept"), "{shown}");
    let json = twins.ask(&["show", UPDATED]).ok().json();
    assert_eq!((json.len(), &json[0]["receipt"]["seq"]), (1, &2.into()));
    let unknown = "0190b1a0-0000-7000-8000-00000000000f";
    twins.ask(&["show", unknown]).status(3).says("there is no event");
    twins.run(&["show", "17"]).status(2).says("must be a UUID");
}

#[test]
fn a_timeline_has_lanes_gaps_and_what_never_ended() {
    let twins = Twins::new();
    let told = twins.ask(&["timeline", "--resource", "backup/db-0417", "--text"]).ok();
    let told = told.says("1 begun and never ended").says("correlations: c-1").stdout;
    assert_eq!(
        told,
        "                     ┌ backup-service\n                     │  ┌ user-service\n\
         2026-11-20 11:00:05  │  ●    maria signed in (by its correlation)\n                  ⋮  2 h later\n\
         2026-11-20 13:00:05  ●  │    maria updated backup db-0417\n\
         2026-11-20 13:00:06  ●  │    maria is about to restore backup db-0417\n                  !  never ended: no outcome was recorded\n"
    );
    assert_eq!(twins.ask(&["timeline", "--resource", "db-0417"]).ok().json().len(), 3);
    let of = twins.ask(&["timeline", "--correlation", "c-1", "--text"]).ok();
    assert!(
        !of.stdout.contains("correlation") && of.stderr.is_empty(),
        "{}{}",
        of.stdout,
        of.stderr
    );
    assert_eq!(of.stdout.lines().count(), 5, "{}", of.stdout);
    twins.ask(&["timeline", "--resource", "a/b/C", "--text"]).ok().says("nothing found");
}

#[test]
fn counts_are_drawn() {
    let twins = Twins::new();
    let of =
        |args: &[&str]| twins.ask(&[&["stats", "--trail", "default"], args].concat()).ok().stdout;
    let told = of(&["--text", "--facets", "action,ip", "--top", "1"]);
    for part in [
        "5 events, 1 failed, 0 denied\n",
        "\naction\n         2  backup.update  ████████████████████████\n         3  others\n",
        "\nip\n         3  198.51.100.1  ████████████████████████\n         1  others\n         1  without one\n",
    ] {
        assert!(told.contains(part), "{part:?} is not in:\n{told}");
    }
    assert!(of(&[]).starts_with(r#"{"total":{"value":5,"#));

    let told = twins.ask(&["user", "maria", "--text", "--days", "366"]).ok().stdout;
    for part in [
        "maria: 3 events in 366 days, 0 failed\nfirst seen 2026-11-20 11:00:05, last seen 2026-11-20 13:00:06\n",
        "         2  backup/db-0417  ████████████████████████\n",
        "         3  198.51.100.1  ",
        "  default   maria updated backup db-0417\n",
    ] {
        assert!(told.contains(part), "{part:?} is not in:\n{told}");
    }
    let nobody = twins.ask(&["user", "no/body", "--text"]).ok().stdout;
    assert_eq!(nobody, "no/body: 0 events in 30 days, 0 failed\n");
}

#[test]
fn what_never_ended_is_listed_and_the_status_says_so() {
    let twins = Twins::new();
    let report = ["report", "unfinished", "--trail", "default", "--older-than", "0s"];
    let send = |event: &str| {
        twins.log.feed([&["append"][..], &twins.at_node()].concat(), event.as_bytes()).ok();
    };
    // Ages differ by when one asks; all else does not.
    let rows = |args: &[&str], kind: &str| {
        let ran = twins.run(&[&report[..], args].concat());
        let rows = ran.json()[0][kind].as_array().unwrap().clone();
        let id = |row: &serde_json::Value| row["event"]["id"].as_str().unwrap().chars().last();
        (rows.iter().filter_map(id).collect::<String>(), ran.code)
    };
    for at in [&[][..], &twins.at_node()] {
        assert_eq!(rows(at, "unfinished"), ("4".to_owned(), 1));
        assert_eq!(rows(at, "abandoned"), (String::new(), 1));
        let told = twins.run(&[&report[..], &["--text"], at].concat()).status(1);
        assert!(told.stdout.contains("maria is about to restore backup db-0417"), "{}", told.stdout);
        told.says("1 begun and never ended, 0 ended without saying how");
    }
    twins.ask(&["report", "unfinished", "--older-than", "1h"]).ok();
    let outcome = r#"{"action":"backup.restore","phase":"outcome","ref":"0190b1a0-0000-7000-8000-000000000004","id":"0190b1a0-0000-7000-8000-000000000009","outcome":"OUT"}"#;
    send(&outcome.replace("OUT", "success"));
    for at in [&[][..], &twins.at_node()] {
        assert_eq!(rows(at, "unfinished"), (String::new(), 0));
    }
    twins
        .ask(&[&report[..], &["--text"]].concat())
        .ok()
        .says("everything that was begun has ended");
    send(&outcome.replace("OUT", "unknown").replace("0009", "0008"));
    for at in [&[][..], &twins.at_node()] {
        assert_eq!(rows(at, "abandoned"), ("8".to_owned(), 1));
    }
    twins.ask(&["report", "unfinished", "--older-than", "soon"]).status(2).says("older_than");
}

#[test]
fn what_never_arrived_is_counted() {
    let twins = Twins::new();
    let source = "5c".repeat(16);
    let numbered = |seq: u64| {
        format!(
            "{{\"action\":\"n.n\",\"source\":{{\"id\":\"{source}\",\"seq\":{seq}}},\"context\":{{\"service\":\"till\\u001b\"}}}}\n"
        )
    };
    let mut events: String = [0, 1, 4].map(numbered).concat();
    let losses = r#"[{"event_type":"login","cause":"sampled","count":1234},{"event_type":"","cause":"dropped","count":2}]"#;
    events += &format!(
        r#"{{"action":"audit.loss","category":"system","details":{{"losses":{losses}}}}}"#
    );
    twins.log.feed([&["append"][..], &twins.at_node()].concat(), events.as_bytes()).ok();
    let answer = twins.ask(&["report", "gaps", "--since", "2020-01-01"]).ok().json().remove(0);
    // What was overtaken just now may still come.
    assert_eq!(
        (&answer["sources"][0]["in_flight"], &answer["all_trails"]),
        (&2.into(), &true.into())
    );
    let told = twins.ask(&["report", "gaps", "--text", "--trail", "default"]).ok();
    assert!(
        told.stdout.starts_with("1 sources, 3 events received, 0 missing, 0 unexplained\n\n"),
        "{}",
        told.stdout
    );
    let row = told.stdout.lines().find(|line| line.starts_with(&source)).unwrap();
    assert!(row.contains("till\\u{1b}") && row.ends_with("  2"), "{row}");
    assert!(told.stdout.ends_with("1,234  sampled  login\n    2  dropped  -\n"), "{}", told.stdout);
    assert!(told.stderr.is_empty(), "{}", told.stderr);
    let shop = twins.log.run(
        ["key", "create", "--role", "reader", "--trail", "default", "--name", "r"]
            .iter()
            .chain(&twins.at_node()),
    );
    let own = ["--url", twins.node.url(), "--key", shop.ok().stdout.trim()].map(str::to_owned);
    let own = twins
        .run(&[&["report", "gaps", "--text"][..], &own.each_ref().map(String::as_str)].concat());
    own.ok().says("does not read all trails");
}

/// A `tail -f`, ended when it goes away.
struct Tail(Child, Lines<BufReader<ChildStdout>>);

impl Tail {
    fn start(log: &Log, args: &[&str]) -> Tail {
        let mut child = log.start(["tail", "-f", "--trail", "default"].iter().chain(args));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Tail(child, lines)
    }

    fn next(&mut self) -> serde_json::Value {
        serde_json::from_str(&self.1.next().unwrap().unwrap()).unwrap()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn tails_follow_what_comes() {
    let twins = Twins::new();
    let mut local = Tail::start(&twins.log, &["-n", "2", "-actor:eve"]);
    let mut remote =
        Tail::start(&twins.log, &[&["-n", "2", "-actor:eve"], &twins.at_node()[..]].concat());
    let last = |event: serde_json::Value| event["id"].as_str().unwrap().chars().last().unwrap();
    for tail in [&mut local, &mut remote] {
        assert_eq!((last(tail.next()), last(tail.next())), ('4', '5'));
    }
    let mut send = twins.log.start([&["append"][..], &twins.at_node()].concat());
    let events =
        b"{\"action\":\"x.y\",\"user_id\":\"eve\"}\n{\"action\":\"x.z\",\"user_id\":\"li\"}\n";
    send.stdin.take().unwrap().write_all(events).unwrap();
    assert!(send.wait().unwrap().success());
    for tail in [&mut local, &mut remote] {
        assert_eq!(tail.next()["action"], "x.z");
    }
}
