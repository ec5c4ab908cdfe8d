use super::*;

fn parse(text: &str) -> Result<Connections, String> {
    Connections::parse(text, Path::new("/etc/indelible")).map_err(|e| e.to_string())
}

#[test]
fn what_is_described_is_read_and_defaults_are_filled_in() {
    for empty in ["", "# nothing yet\n", "inputs: []\n", "streams: []"] {
        let read = parse(empty).unwrap();
        assert!(read.inputs.is_empty() && read.streams.is_empty(), "{empty:?}");
    }
    let read = parse(
        "inputs:\n  - name: firewalls\n    trail: network\n    from:\n      syslog: { listen: \"127.0.0.1:0\" }\n\
         streams:\n  - name: siem\n    begin: now\n    to: { webhook: { url: { file: url.txt }, secrets: [] } }\n",
    );
    let read = read.unwrap();
    assert_eq!(read.inputs[0].trail.as_deref(), Some("network"));
    let stream = &read.streams[0];
    assert_eq!((&*stream.query, stream.begin), ("", Begin::Now));
    let shown = format!("{:?}", stream.to);
    assert!(shown.contains("/etc/indelible/url.txt"), "{shown}");
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_was_meant() {
    let stream = |rest: &str| format!("streams:\n  - name: a\n{rest}");
    let cases: &[(String, &[&str])] = &[
        (stream("    quary: x\n    to: { webhook: { url: x, secrets: [] } }\n"), &["3:5:", "quary", "did you mean `query`?"]),
        (stream("    to: { splnk: { url: x } }\n"), &["3:", "splnk", "did you mean `splunk`?"]),
        (stream("    to: { webhook: { url: 7, secrets: [] } }\n"), &["3:", "{ env: NAME }"]),
        (stream("    to: { webhook: { secrets: [], url: { evn: X } } }\n"), &["3:", "evn", "did you mean `env`?"]),
        (stream("    to: { webhook: { url: x, secrets: [] }, splunk: { url: x } }\n"), &["3:"]),
        (stream("    begin: later\n    to: { webhook: { url: x, secrets: [] } }\n"), &["3:12:", "later", "beginning"]),
        (stream(""), &["2:5:", "missing field `to`"]),
        ("streams:\n  - { name: A, to: { webhook: { url: x, secrets: [] } } }".into(), &["\"A\"", "[a-z0-9_-]"]),
        ("streams:\n  - { name: ../x, to: { webhook: { url: x, secrets: [] } } }".into(), &["[a-z0-9_-]"]),
        (
            "streams:\n  - &a { name: a, to: { webhook: { url: x, secrets: [] } } }\n  - *a\n".into(),
            &["two streams named a"],
        ),
        ("streams: []\nstreams: []\n".into(), &["2:1:", "duplicate"]),
        (
            "inputs:\n  - { name: a, trail: _system, from: { syslog: { listen: \"127.0.0.1:1\" } } }".into(),
            &["the input a: trail"],
        ),
        (
            "inputs:\n  - { name: a, trail: \"a b\", from: { syslog: { listen: \"127.0.0.1:1\" } } }".into(),
            &["the input a: trail"],
        ),
        ("streams: {".into(), &["1:"]),
        (format!("a: {}", "[".repeat(200)), &["1:"]),
        ("x".repeat(2 << 20), &["longer than"]),
    ];
    let mut wrong = String::new();
    for (text, parts) in cases {
        let shown: String = text.chars().take(200).collect();
        let error = parse(text).expect_err(&shown);
        for part in parts.iter().filter(|part| !error.contains(**part)) {
            wrong += &format!("{shown}\n  says {error}\n  without {part}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn nothing_that_may_be_a_secret_is_shown() {
    let text = "streams:\n  - name: a\n    to: { webhook: { url: \"https://u:hunter2@h\", secrets: [] } }\n";
    let shown = format!("{:?}", parse(text).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
    for wrong in [text.replace("url", "uri"), text.replace("name", "nam"), format!("{text}x")] {
        let error = parse(&wrong).unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }
    let missing = Secret::Env("INDELIBLE_NO_SUCH_VARIABLE".into()).reveal().unwrap_err();
    assert!(missing.contains("INDELIBLE_NO_SUCH_VARIABLE is not set"), "{missing}");
}

use crate::Secret;
