//! Proofs: made, verified offline, and refused when anything in them was changed.

use crate::harness::{self, Log};

const EVENT: &str = "{\"id\":\"0190b1a0-0000-7000-8000-000000000001\",\"action\":\"a.b\",\"actor\":{\"id\":\"maria\"},\
                     \"context\":{\"ip\":\"192.0.2.7\"},\"details\":{\"why\":\"rent\"}}";

fn log_with_event() -> Log {
    let log = Log::new();
    log.fill("default", 20);
    log.append(EVENT);
    log.fill("default", 20);
    log
}

#[test]
fn a_proof_shows_the_event_and_what_was_redacted_stays_away() {
    let log = log_with_event();
    let key = log.key("default");
    let whole = log.run(["prove", "--seq", "20"]).ok().stdout;
    assert_eq!(
        whole,
        log.run(["prove", "--id", "0190b1a0-0000-7000-8000-000000000001"]).ok().stdout
    );
    assert!(whole.starts_with("c2sp.org/tlog-proof@v1\nextra "));

    let elsewhere = Log::none();
    let said =
        elsewhere.feed(["verify", "proof", "-", "--key", &key], whole.as_bytes()).ok().stdout;
    for text in [
        "record 20 of test.example/",
        "a.b",
        "{\"actor\":{\"type\":\"user\",\"id\":\"maria\"}}",
        "192.0.2.7",
        "rent",
        "checkpoint of 41 records",
    ] {
        assert!(said.contains(text), "{text:?} is not in:\n{said}");
    }

    log.run(["prove", "--seq", "20", "--redact", "who,where", "--out", "p"])
        .ok()
        .says("verify proof p --key test.example/");
    let proof = harness::read(&log.path("p"));
    let verified = elsewhere.feed(["verify", "proof", "-", "--key", &key, "--json"], &proof).ok();
    assert!(!verified.stdout.contains("maria") && !verified.stdout.contains("192.0.2.7"));
    let verified = &verified.json()[0];
    assert_eq!(
        (&verified["holds"], &verified["seq"], &verified["size"]),
        (&true.into(), &20.into(), &41.into())
    );
    assert_eq!(
        (&verified["who"]["is"], &verified["where"]["is"]),
        (&"withheld".into(), &"withheld".into())
    );
    assert_eq!(verified["what"]["value"]["details"]["why"], "rent");
    assert_eq!(verified["entry"]["action"], "a.b");

    log.run(["prove", "--seq", "41"]).status(3).says("it has 41 records");
    log.run(["prove", "--id", "0190b1a0-0000-7000-8000-000000000002"])
        .status(3)
        .says("has no event");
}

/// Changes each line of a file in turn, and takes each away: none of these may verify.
fn mutations(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut all = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let body = line.trim_end_matches('\n');
        let rest =
            |changed: &str| [&lines[..i].concat(), changed, &lines[i + 1..].concat()].concat();
        // The last character may hold unused bits of base64, so it is changed, too.
        for at in [0, body.chars().count() / 2, body.chars().count().saturating_sub(3)] {
            let flipped: String = body
                .chars()
                .enumerate()
                .map(|(j, c)| if j == at { if c == 'A' { 'B' } else { 'A' } } else { c })
                .collect();
            all.push(rest(&if body.is_empty() { "A\n".to_owned() } else { flipped + "\n" }));
        }
        all.push(rest(""));
    }
    all.push(text.trim_end().to_owned());
    all
}

#[test]
fn a_changed_proof_is_refused() {
    let log = log_with_event();
    let key = log.key("default");
    let proof = log.run(["prove", "--seq", "20", "--redact", "where"]).ok().stdout;
    for changed in mutations(&proof) {
        let ran = log.feed(["verify", "proof", "-", "--key", &key], changed.as_bytes()).status(1);
        assert!(
            ran.stderr.starts_with("error: the proof does not verify: ") && ran.stdout.is_empty(),
            "{changed}"
        );
    }
    let refuted =
        log.feed(["verify", "proof", "-", "--key", &key, "--json"], b"nonsense").status(1).json();
    assert_eq!(refuted[0]["holds"], false);
    // Another trail's key, or another node's, is not this one's.
    log.fill("other", 1);
    log.feed(["verify", "proof", "-", "--key", &log.key("other")], proof.as_bytes()).status(1);
    log.feed(["verify", "proof", "-", "--key", &Log::new().key("_system")], proof.as_bytes())
        .status(1);
    log.run(["verify", "proof", "nowhere", "--key", &key]).status(3);
}

#[test]
fn growth_is_proved_and_a_changed_proof_of_it_refused() {
    let log = log_with_event();
    let key = log.key("default");
    for (from, to) in [("7", "41"), ("0", "41"), ("41", "41"), ("1", "30"), ("32", "40")] {
        let proof = log.run(["prove", "consistency", "--from", from, "--to", to]).ok().stdout;
        let said = log
            .feed(["verify", "consistency", "-", "--key", &key, "--json"], proof.as_bytes())
            .ok()
            .json();
        assert_eq!(said[0]["old_size"].to_string(), from);
        assert_eq!(said[0]["size"].to_string(), to);
    }
    let proof = log.run(["prove", "consistency", "--from", "7"]).ok().stdout;
    assert!(
        log.feed(["verify", "consistency", "-", "--key", &key], proof.as_bytes())
            .ok()
            .stdout
            .contains("begin with the 7 records")
    );
    for changed in mutations(&proof) {
        log.feed(["verify", "consistency", "-", "--key", &key], changed.as_bytes()).status(1);
    }
    let wherever =
        log.run(["prove", "--trail", "default", "--json", "consistency", "--from", "7"]).ok();
    assert_eq!(wherever.json()[0]["proof"], proof.as_str());
    log.run(["prove", "--seq", "1", "consistency", "--from", "7"])
        .status(2)
        .says("about one event");
    log.run(["prove", "consistency", "--from", "9", "--to", "8"]).status(3).says("they must rise");
    log.run(["prove", "consistency", "--from", "9", "--to", "42"]).status(3).says("covers 41");
}
