use super::*;
use crate::limits::{HMAC_KEY_CHARS_MIN, SPOOL_BYTES_MAX};
use crate::{Outcome, Verdict};

fn parse(yaml: &str) -> Result<Settings, SettingsError> {
    Settings::parse("a.yaml", yaml, std::iter::empty())
}

fn parse_with(yaml: &str, environment: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let environment =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::parse("a.yaml", yaml, environment)
}

fn strings(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

#[test]
fn the_shape_as_it_is_documented() {
    const FILE: &str = "audit:
  enabled: true
  event_types: [backend_operation, vfs_operation, wal_operation, pin_operation, journal_operation]
  sampling: { backend_operation: 1.0, vfs_operation: 1.0, wal_operation: 0.5 }
  storage: { type: database, path: ./audit, retention_days: 90, max_size_mb: 1000 }
  async: true
  batch_size: 100
  flush_interval_seconds: 5
";
    let types = [
        "backend_operation",
        "vfs_operation",
        "wal_operation",
        "pin_operation",
        "journal_operation",
    ];
    let rates = [("backend_operation", 1.0), ("vfs_operation", 1.0), ("wal_operation", 0.5)];
    let expected = Settings {
        event_types: Some(strings(&types)),
        sampling: rates.iter().map(|(name, rate)| ((*name).to_owned(), *rate)).collect(),
        storage: Storage::Database {
            path: "./audit".into(),
            retention_days: Some(90),
            max_size_mb: Some(1000),
        },
        flush_interval: Duration::from_secs(5),
        ..parse("audit: {}").unwrap()
    };
    let settings = parse(FILE).unwrap();
    assert_eq!(settings, expected);
    // Also without a path.
    assert_eq!(parse(&FILE.replace(" path: ./audit,", "")).unwrap(), expected);
    assert!(settings.enabled && settings.is_async && settings.batch_size == 100);
    let policy = settings.policy();
    let verdict = |event_type, own| {
        policy.verdict("a.read", event_type, Outcome::Success, None, true, None, own)
    };
    assert_eq!(verdict("login_page", 1), Verdict::Muted);
    assert_eq!(verdict("pin_operation", 1), Verdict::Keep);
    assert!((0..64).any(|own| verdict("wal_operation", own) == Verdict::Sampled));
    assert_eq!(policy.durability("wal_operation"), Durability::Async);
}

#[test]
fn nothing_said_is_the_defaults() {
    let settings = parse("audit:\n").unwrap();
    let expected = Settings {
        enabled: true,
        service: None,
        trail: None,
        event_types: None,
        sampling: BTreeMap::new(),
        durability: BTreeMap::new(),
        storage: Storage::Database {
            path: "./audit".into(),
            retention_days: None,
            max_size_mb: None,
        },
        is_async: true,
        batch_size: BATCH_SIZE,
        flush_interval: FLUSH_INTERVAL,
        when_full: WhenFull::Spool,
        spool: SpoolSettings { path: None, max_bytes: SPOOL_BYTES_MAX },
        redact: RedactSettings {
            enabled: true,
            keys: vec![],
            allow: vec![],
            deny: vec![],
            hmac: vec![],
            hmac_key: None,
        },
    };
    assert_eq!(settings, expected);
    for yaml in
        ["audit: {}", "\u{feff}audit: {}\n", "---\naudit:\n  sampling:\n  event_types: ~\n...\n"]
    {
        assert_eq!(parse(yaml).unwrap(), expected);
    }
    assert!(settings.redaction().is_on());
}

#[test]
fn everything_said() {
    let directory = tempfile::tempdir().unwrap();
    let (key, hmac_key) = (directory.path().join("key"), directory.path().join("hmac"));
    #[expect(clippy::disallowed_methods, reason = "the files are what is tested")]
    for (path, text) in
        [(&key, "idl_geheim\n".to_owned()), (&hmac_key, "k".repeat(HMAC_KEY_CHARS_MIN))]
    {
        std::fs::write(path, text).unwrap();
    }
    let yaml = format!(
        "audit:
  enabled: false
  service: files
  trail: acme
  event_types: []
  durability: {{ backend_operation: required, wal_operation: async }}
  storage: {{ type: remote, url: \"https://audit.example.com\", key_file: {key:?} }}
  async: false
  flush_interval_seconds: 0.25
  when_full: drop
  spool: {{ path: /var/spool/audit, max_size_mb: 50 }}
  redact:
    keys: [door_code]
    allow: [details.token]
    deny: [\"targets.*.name\"]
    hmac: [email, actor.id]
    hmac_key_file: {hmac_key:?}
"
    );
    let settings = parse(&yaml).unwrap();
    assert!(!settings.enabled && !settings.is_async);
    assert_eq!(
        (settings.service.as_deref(), settings.trail.as_deref()),
        (Some("files"), Some("acme"))
    );
    assert_eq!(settings.event_types, Some(BTreeSet::new()));
    let url = "https://audit.example.com".to_owned();
    assert_eq!(settings.storage, Storage::Remote { url, key: Secret::new("idl_geheim") });
    assert_eq!(settings.flush_interval, Duration::from_millis(250));
    assert_eq!(settings.when_full, WhenFull::Drop);
    assert_eq!(
        settings.spool,
        SpoolSettings { path: Some("/var/spool/audit".into()), max_bytes: 50_000_000 }
    );
    let policy = settings.policy();
    assert_eq!(policy.durability("backend_operation"), Durability::Required);
    assert_eq!(policy.durability("wal_operation"), Durability::Async);
    assert_eq!(policy.durability("other"), Durability::Durable);
    let event = r#"{"actor":{"id":"u"},"targets":[{"name":"n"}],"details":{"doorCode":1,"token":"t","email":"e"}}"#;
    let redacted = settings.redaction().apply(event).0.unwrap();
    assert!(
        redacted.contains(r#""token":"t""#) && redacted.contains(r#""doorCode":"[redacted]","#),
        "{redacted}"
    );
    assert!(redacted.contains(r#"[{"name":"[redacted]"}]"#), "{redacted}");
    assert_eq!(redacted.matches("\"hmac-sha256:").count(), 2);
    let shown = format!("{settings:?}");
    assert!(!shown.contains("geheim") && !shown.contains("kkk"), "{shown}");
    let off = parse("audit: {redact: {enabled: false}}").unwrap();
    assert!(!off.redaction().is_on());
    // A key that is too short is no key, and is not shown.
    let short = yaml.replace(&format!("{hmac_key:?}"), &format!("{key:?}"));
    let error = parse(&short).unwrap_err().to_string();
    assert!(
        error.ends_with("allowed is a file with at least 32 visible ASCII characters, in one line"),
        "{error}"
    );
    assert!(
        error.starts_with("a.yaml:17:20: audit.redact.hmac_key_file is ")
            && !error.contains("geheim")
    );
}

#[test]
fn a_file_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit_config.yaml");
    #[expect(clippy::disallowed_methods, reason = "the file is what is tested")]
    std::fs::write(&path, "audit: {batch_size: 7, batchsize: 8}").unwrap();
    let error = Settings::read(&path).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("{}:1:24: unknown key \"batchsize\"; did you mean batch_size?", path.display())
    );
    let error = Settings::read(directory.path().join("none")).unwrap_err().to_string();
    assert!(error.contains("none: cannot be read: "), "{error}");
}

/// What is wrong in a file, and all that is said of it behind the file's name.
#[test]
fn errors_in_the_file() {
    for (yaml, expected) in [
        ("", "1:1: key \"audit\" is missing; all settings stand below it"),
        ("# nothing\n", "1:1: key \"audit\" is missing; all settings stand below it"),
        ("x", "1:1: the file is a text; allowed is an object with audit"),
        ("[1]", "1:1: the file is a list; allowed is an object with audit"),
        ("audits:\n  a: 1\n", "1:1: unknown key \"audits\"; did you mean audit?"),
        ("audit: {}\nother: 1\n", "2:1: unknown key \"other\"; allowed are audit"),
        ("audit: 5", "1:8: audit is a number; allowed is an object with KEYS"),
        (
            "audit:\n  storage: {retention_day: 4}\n",
            "2:13: unknown key \"retention_day\"; did you mean retention_days?",
        ),
        ("audit:\n  zzzzzz: 4\n", "2:3: unknown key \"zzzzzz\"; allowed are KEYS"),
        ("audit:\n  enabled: yes\n", "2:12: audit.enabled is \"yes\"; allowed are true and false"),
        (
            "audit:\n  enabled: 'true'\n",
            "2:12: audit.enabled is \"true\"; allowed are true and false",
        ),
        (
            "audit:\n  enabled: true\n  async: false\n  enabled: false\n",
            "4:3: key \"enabled\" is given twice, first in line 2; allowed is once",
        ),
        (
            "audit:\n\tenabled: true\n",
            "2:2: not readable as YAML: tabs disallowed within this context (block indentation)",
        ),
        (
            "audit:\n  enabled: true\n batch_size: 1\n",
            "3:2: not readable as YAML: while parsing a block mapping, did not find expected key",
        ),
        ("audit: [\n", "1:8: not readable as YAML: unclosed bracket '['"),
        ("audit: {a: \"b}\n", "1:12: not readable as YAML: unclosed quote"),
        (
            "audit: &a [*a]\n",
            "1:12: not readable as YAML: recursive references require weak recursion types",
        ),
        ("audit: *x\n", "1:8: not readable as YAML: alias references unknown anchor"),
        (
            "audit: [&a [x, x, x, x, x, x, x, x, x, x], &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a], &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b], &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c], &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d], [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]]\n",
            "1:166: not readable as YAML: more documents, values, depth or aliases than a configuration needs",
        ),
        (
            "audit:\n  batch_size: 0\n",
            "2:15: audit.batch_size is 0; allowed is a whole number from 1 to 10000",
        ),
        (
            "audit:\n  batch_size: 1.5\n",
            "2:15: audit.batch_size is 1.5; allowed is a whole number from 1 to 10000",
        ),
        (
            "audit:\n  batch_size: many\n",
            "2:15: audit.batch_size is \"many\"; allowed is a whole number from 1 to 10000",
        ),
        (
            "audit:\n  batch_size: -4\n",
            "2:15: audit.batch_size is -4; allowed is a whole number from 1 to 10000",
        ),
        (
            "audit:\n  batch_size: [1]\n",
            "2:15: audit.batch_size is a list; allowed is a whole number from 1 to 10000",
        ),
        (
            "audit:\n  batch_size: 99999999999999999999999999999999999999999999999\n",
            "2:15: audit.batch_size is 1e47; allowed is a whole number from 1 to 10000",
        ),
        (
            "audit:\n  flush_interval_seconds: 0\n",
            "2:27: audit.flush_interval_seconds is 0; allowed is a number of seconds above 0 and up to 3600; fractions are fine",
        ),
        (
            "audit:\n  flush_interval_seconds: .inf\n",
            "2:27: audit.flush_interval_seconds is inf; allowed is a number of seconds above 0 and up to 3600; fractions are fine",
        ),
        (
            "audit:\n  flush_interval_seconds: .nan\n",
            "2:27: audit.flush_interval_seconds is NaN; allowed is a number of seconds above 0 and up to 3600; fractions are fine",
        ),
        (
            "audit:\n  flush_interval_seconds: 1e-30\n",
            "2:27: audit.flush_interval_seconds is 1e-30; allowed is a number of seconds above 0 and up to 3600; fractions are fine",
        ),
        (
            "audit:\n  sampling: {a: 1.01}\n",
            "2:17: audit.sampling.a is 1.01; allowed is a number from 0.0 to 1.0",
        ),
        (
            "audit:\n  sampling: {A: 1}\n",
            "2:14: audit.sampling has the key \"A\"; allowed is an event type: a-z, 0-9 and _, at most 64 characters",
        ),
        (
            "audit:\n  sampling: {a: x}\n",
            "2:17: audit.sampling.a is \"x\"; allowed is a number from 0.0 to 1.0",
        ),
        (
            "audit:\n  sampling: [a]\n",
            "2:13: audit.sampling is a list; allowed is an object, such as { data_delete: … }",
        ),
        (
            "audit:\n  sampling: {a: 1, a: 0.5}\n",
            "2:20: key \"a\" is given twice, first in line 2; allowed is once",
        ),
        (
            "audit:\n  event_types: a\n",
            "2:16: audit.event_types is \"a\"; allowed is a list, such as [a, b]",
        ),
        (
            "audit:\n  event_types: [a, B]\n",
            "2:20: audit.event_types[1] is \"B\"; allowed is an event type: a-z, 0-9 and _, at most 64 characters",
        ),
        (
            "audit:\n  event_types: [a, 1]\n",
            "2:20: audit.event_types[1] is 1; allowed is an event type: a-z, 0-9 and _, at most 64 characters",
        ),
        (
            "audit:\n  durability: {a: requird}\n",
            "2:19: audit.durability.a is \"requird\"; allowed are async, durable, required; did you mean required?",
        ),
        (
            "audit:\n  storage: {type: databse}\n",
            "2:19: audit.storage.type is \"databse\"; allowed are database, file, remote; did you mean database?",
        ),
        (
            "audit:\n  storage: {type: remote, path: x}\n",
            "2:33: audit.storage.path is not for a storage of type remote; remove it, or set another type",
        ),
        (
            "audit:\n  storage: {url: x}\n",
            "2:18: audit.storage.url is not for a storage of type database; remove it, or set another type",
        ),
        (
            "audit:\n  storage: {type: remote}\n",
            "2:12: audit.storage has no url; type remote needs one, here or in INDELIBLE_URL",
        ),
        (
            "audit:\n  storage: {type: remote, url: ftp://x}\n",
            "2:32: audit.storage.url is \"ftp://x\"; allowed is an address that begins with https:// or http://",
        ),
        (
            "audit:\n  storage: {type: remote, url: https://u:geheim@x}\n",
            "2:32: audit.storage.url has a user or password in it; allowed is an address without, and the API key in key_file",
        ),
        (
            "audit:\n  storage: {type: remote, url: https://x}\n",
            "2:12: audit.storage has no key_file; type remote needs one, or INDELIBLE_KEY",
        ),
        (
            "audit:\n  storage: {type: remote, url: https://x, key: 'geheim geheim'}\n",
            "2:48: audit.storage.key is a text, which is not shown; allowed is a text of visible ASCII characters",
        ),
        (
            "audit:\n  storage: {type: remote, url: https://x, key: [geheim]}\n",
            "2:48: audit.storage.key is a list, which is not shown; allowed is a text of visible ASCII characters",
        ),
        (
            "audit:\n  storage: {type: remote, url: https://x, key: geheim, key_file: x}\n",
            "2:48: audit.storage.key stands beside key_file; allowed is one of the two",
        ),
        (
            "audit:\n  storage: {type: remote, url: https://x, key_file: /nonexistent/key}\n",
            "2:53: audit.storage.key_file is \"/nonexistent/key\"; allowed is a file that can be read: No such file or directory (os error 2)",
        ),
        (
            "audit:\n  storage: geheim\n",
            "2:12: audit.storage is a text; allowed is an object with type, path, retention_days, max_size_mb, url, key, key_file",
        ),
        (
            "audit:\n  service: 5\n",
            "2:12: audit.service is 5; allowed is a text: write it in quotes, \"5\"",
        ),
        (
            "audit:\n  service: ''\n",
            "2:12: audit.service is \"\"; allowed is a text that is not empty",
        ),
        (
            "audit:\n  trail: 'A b'\n",
            "2:10: audit.trail is \"A b\"; allowed is a trail's name: must be 1 to 128 letters, digits or any of ._@:- and begin with a letter or digit",
        ),
        (
            "audit:\n  when_full: explode\n",
            "2:14: audit.when_full is \"explode\"; allowed are spool, drop, wait",
        ),
        (
            "audit:\n  redact: {deny: [action]}\n",
            "2:19: audit.redact.deny[0] is \"action\"; allowed is a path that begins with one of actor, subjects, targets, changes, details, error, context, such as details.email",
        ),
        (
            "audit:\n  redact: {hmac: [email]}\n",
            "2:11: audit.redact has hmac but no hmac_key_file; HMACs need a key",
        ),
        (
            "audit:\n  redact: {keys: ['-']}\n",
            "2:19: audit.redact.keys[0] is \"-\"; allowed is a pattern of keys with a letter in it, such as door_code",
        ),
        (
            "audit: {}\n---\naudit: {}\n",
            "2:1: not readable as YAML: more documents, values, depth or aliases than a configuration needs",
        ),
        ("audit: !!binary x\n", "1:17: not readable as YAML: invalid !!binary base64"),
        ("audit:\n  <<: {}\n", "2:3: unknown key \"<<\"; allowed are KEYS"),
        ("audit:\n  ? [a]\n  : 1\n", "2:5: not readable as YAML: expected string scalar"),
        ("audit:\n  path: x\n", "2:3: unknown key \"path\"; allowed are KEYS"),
        (
            "audit:\r\n  batch_size: 0\r\n",
            "2:15: audit.batch_size is 0; allowed is a whole number from 1 to 10000",
        ),
        ("audit: \0\n", "1:8: not readable as YAML: unexpected character: `\\u{0}'"),
        (
            "audit: {a: {b: {c: {d: {e: {f: {g: {h: {i: {j: {k: {l: {m: {n: {o: {p: {q: 1}}}}}}}}}}}}}}}}}\n",
            "1:68: not readable as YAML: more documents, values, depth or aliases than a configuration needs",
        ),
    ] {
        let error = parse(yaml).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("a.yaml:{}", expected.replace("KEYS", &KEYS.join(", "))),
            "{yaml:?}"
        );
        assert!(!error.contains("geheim"));
    }
}

/// What is wrong in a variable; the names are without their beginning.
#[test]
fn errors_in_the_environment() {
    let all: Vec<_> =
        KEYS.iter().map(|key| format!("INDELIBLE_AUDIT_{}", key.to_uppercase())).collect();
    for (name, value, expected) in [
        ("BATCHSIZE", "1", "BATCHSIZE: unknown variable; did you mean INDELIBLE_AUDIT_BATCH_SIZE?"),
        ("BATCH_SIZE", "many", "BATCH_SIZE is \"many\"; allowed is a whole number from 1 to 10000"),
        (
            "STORAGE",
            "x",
            "STORAGE: there are only variables of its members, such as INDELIBLE_AUDIT_STORAGE__TYPE",
        ),
        (
            "STORAGE__PTH",
            "x",
            "STORAGE__PTH: unknown variable; did you mean INDELIBLE_AUDIT_STORAGE__PATH?",
        ),
        ("", "1", ": unknown variable; allowed are VARIABLES"),
        (
            "SAMPLING",
            "1",
            "SAMPLING: there are only variables of its members, such as INDELIBLE_AUDIT_SAMPLING__DATA_DELETE",
        ),
        (
            "SAMPLING__WAL_OPERATION",
            "2",
            "SAMPLING__WAL_OPERATION is \"2\"; allowed is a number from 0.0 to 1.0",
        ),
        (
            "EVENT_TYPES",
            "a,,b",
            "EVENT_TYPES is \"\"; allowed is an event type: a-z, 0-9 and _, at most 64 characters",
        ),
        ("ENABLED", "1", "ENABLED is \"1\"; allowed are true and false"),
        (
            "BATCH_SIZE__X",
            "1",
            "BATCH_SIZE__X is an object; allowed is a whole number from 1 to 10000",
        ),
        ("FOO", "1", "FOO: unknown variable; allowed are VARIABLES"),
        (
            "STORAGE__TYPE",
            "remote",
            "STORAGE__TYPE: audit.storage has no url; type remote needs one, here or in INDELIBLE_URL",
        ),
    ] {
        let error =
            parse_with("audit:\n  batch_size: 7\n", &[(&format!("INDELIBLE_AUDIT_{name}"), value)]);
        let expected =
            format!("INDELIBLE_AUDIT_{}", expected.replace("VARIABLES", &all.join(", ")));
        assert_eq!(error.unwrap_err().to_string(), expected);
    }
}

#[test]
fn the_environment_outdoes_the_file() {
    let yaml = "audit:\n  batch_size: 7\n  sampling: {wal_operation: 1.0, vfs_operation: 0.5}\n";
    let settings = parse_with(
        yaml,
        &[
            ("INDELIBLE_AUDIT_BATCH_SIZE", "500"),
            ("INDELIBLE_AUDIT_STORAGE__PATH", "/var/audit"),
            ("INDELIBLE_AUDIT_STORAGE__TYPE", "file"),
            ("INDELIBLE_AUDIT_SAMPLING__WAL_OPERATION", "0.1"),
            ("INDELIBLE_AUDIT_EVENT_TYPES", "a, b"),
            ("INDELIBLE_AUDIT_ENABLED", "false"),
            ("INDELIBLE_AUDIT_REDACT__DENY", "details.a,details.b"),
            ("INDELIBLE_AUDIT_FLUSH_INTERVAL_SECONDS", "0.5"),
            ("INDELIBLE_AUDIT_DURABILITY__A", "durable"),
            ("INDELIBLE_KEY", "geheim"),
            ("INDELIBLE_URL", "https://example.com"),
            ("INDELIBLE_OTHER", "x"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(settings.batch_size, 500);
    assert_eq!(
        settings.storage,
        Storage::File { path: "/var/audit".into(), retention_days: None, max_size_mb: None }
    );
    assert_eq!(
        settings.sampling,
        BTreeMap::from([("wal_operation".into(), 0.1), ("vfs_operation".into(), 0.5)])
    );
    assert_eq!(settings.event_types, Some(strings(&["a", "b"])));
    assert_eq!(settings.redact.deny, ["details.a", "details.b"]);
    assert_eq!(settings.flush_interval, Duration::from_millis(500));
    assert_eq!(settings.durability, BTreeMap::from([("a".into(), Durability::Durable)]));
    assert!(!settings.enabled);
    assert_eq!(
        parse_with(yaml, &[("INDELIBLE_AUDIT_EVENT_TYPES", "")]).unwrap().event_types,
        Some(BTreeSet::new())
    );
}

#[test]
fn address_and_key_of_the_environment() {
    let remote = |yaml: &str, environment: &[(&str, &str)]| {
        parse_with(yaml, environment).map(|settings| match settings.storage {
            Storage::Remote { url, key } => format!("{url} {}", key.reveal()),
            other => format!("{other:?}"),
        })
    };
    let bare = "audit: {storage: {type: remote}}";
    let full = "audit: {storage: {type: remote, url: http://file, key: file}}";
    let both = [("INDELIBLE_URL", "http://shared"), ("INDELIBLE_KEY", "shared")];
    assert_eq!(remote(bare, &both).unwrap(), "http://shared shared");
    assert_eq!(remote(full, &both).unwrap(), "http://shared shared");
    assert_eq!(
        remote(full, &[("INDELIBLE_URL", ""), ("INDELIBLE_KEY", "")]).unwrap(),
        "http://file file"
    );
    let own = [
        both[0],
        both[1],
        ("INDELIBLE_AUDIT_STORAGE__URL", "http://own"),
        ("INDELIBLE_AUDIT_STORAGE__KEY", "own"),
    ];
    assert_eq!(remote(full, &own).unwrap(), "http://own own");
    // The file of the key is not even looked for.
    let with_file =
        "audit: {storage: {type: remote, url: http://file, key_file: /nonexistent/key}}";
    assert_eq!(remote(with_file, &both[1..]).unwrap(), "http://file shared");
    let error = remote(bare, &[both[0], ("INDELIBLE_KEY", "ge heim")]).unwrap_err().to_string();
    assert_eq!(
        error,
        "INDELIBLE_KEY is a text, which is not shown; allowed is a text of visible ASCII characters"
    );
    let error = remote(bare, &[("INDELIBLE_URL", "example.com")]).unwrap_err().to_string();
    assert_eq!(
        error,
        "INDELIBLE_URL is \"example.com\"; allowed is an address that begins with https:// or http://"
    );
}

#[test]
fn no_file_takes_the_memory() {
    let mut bomb = String::from("audit:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb += &format!("  a{level}: &a{level} [{aliases}]\n");
    }
    let deep = format!("audit: {}", "[".repeat(100_000));
    let long = format!("audit: {{service: {}}}", "x".repeat(2 << 20));
    let many = format!("audit: {{event_types: [{}]}}", "a, ".repeat(20_000));
    for yaml in [bomb, deep, many] {
        let error = parse(&yaml).unwrap_err().to_string();
        assert!(error.contains(": not readable as YAML: ") && error.len() < 200, "{error}");
    }
    assert_eq!(parse(&long).unwrap_err().to_string(), "a.yaml: longer than 1048576 bytes");
}

/// The page names every key and every default as they are.
#[test]
fn the_page_is_complete() {
    let page = include_str!("../../../docs/recorder-settings.md");
    let tables =
        [("", KEYS), ("storage.", STORAGE_KEYS), ("spool.", SPOOL_KEYS), ("redact.", REDACT_KEYS)];
    for (table, keys) in tables {
        for key in keys {
            assert!(page.contains(&format!("| `{table}{key}` |")), "{table}{key}");
        }
    }
    let shape = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    parse(shape).unwrap();
}

proptest::proptest! {
    #[test]
    fn any_text_is_survived(text in "(audit: ?)?[-a-z_:{}\\[\\]&*!|>'\"#,. \n\t0-9é]{0,60}", name in "[A-Z_]{0,12}", value in ".{0,8}") {
        let name = format!("INDELIBLE_AUDIT_{name}");
        for yaml in [&*text, "audit: {}"] {
            if let Err(error) = parse_with(yaml, &[(&name, &value)]) {
                let said = error.to_string();
                proptest::prop_assert!(said.starts_with("a.yaml:") || said.starts_with(&name), "{}", said);
            }
        }
    }
}
