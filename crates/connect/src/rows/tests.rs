use std::borrow::Cow;

use indelible_event::Micros;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn columns(names: &str) -> Vec<Column> {
    names.split_whitespace().map(Column::named).collect()
}

fn texts<'a>(values: &[&'a str]) -> Vec<Cell<'a>> {
    let cell = |text: &&'a str| match *text {
        "NULL" => Cell::Null,
        text => Cell::Text(text.into()),
    };
    values.iter().map(cell).collect()
}

/// The event of a row by a map, which has to keep every rule; without its id.
fn made(map: &Map, cells: &[Cell<'_>]) -> Value {
    let row = Row { position: 1, cells, more: &[] };
    let json = map.event(&row).unwrap().to_json();
    indelible_event::check(&json)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&json)));
    let mut event: Value = serde_json::from_slice(&json).unwrap();
    event.as_object_mut().unwrap().remove("id").unwrap();
    event
}

fn guessed(names: &str, values: &[&str]) -> Value {
    made(&guess("t", &columns(names)), &texts(values))
}

#[test]
fn the_table_that_many_write_by_hand() {
    let event = guessed(
        "id user_id action resource_type resource_id old_value new_value ip_address user_agent status created_at note",
        &[
            "17",
            "anna",
            "invoice.paid",
            "invoice",
            "4711",
            r#"{"paid":false}"#,
            r#"{"paid":true}"#,
            "192.0.2.7/32",
            "curl/8",
            "OK",
            "2026-01-31 10:00:00.5",
            "by hand",
        ],
    );
    let want = json!({
        "occurred_at": "2026-01-31T10:00:00.500000Z",
        "action": "invoice.paid",
        "outcome": "success",
        "actor": {"type": "user", "id": "anna"},
        "targets": [{"type": "invoice", "id": "4711"}],
        "changes": {"before": {"paid": false}, "after": {"paid": true}},
        "details": {"id": "17", "status": "OK", "note": "by hand"},
        "context": {"ip": "192.0.2.7", "user_agent": "curl/8"},
    });
    assert_eq!(event, want);
}

#[test]
fn tables_of_well_known_libraries() {
    // Rails, audited.
    let event = guessed(
        "id auditable_id auditable_type user_id user_type username action audited_changes version comment remote_address request_uuid created_at",
        &[
            "1",
            "9",
            "Billing::Invoice",
            "3",
            "User",
            "NULL",
            "update",
            r#"{"paid":[false,true]}"#,
            "2",
            "NULL",
            "2001:db8::1",
            "r-1",
            "2026-01-31T10:00:00Z",
        ],
    );
    assert_eq!(event["action"], "invoice.update");
    assert_eq!(event["changes"], json!({"before": {"paid": false}, "after": {"paid": true}}));
    assert_eq!(event["targets"], json!([{"type": "Billing::Invoice", "id": "9"}]));
    assert_eq!(event["actor"], json!({"type": "user", "id": "3"}));
    assert_eq!(
        event["details"],
        json!({"id": "1", "action": "update", "version": "2", "user_type": "User"})
    );
    // PaperTrail.
    let event = guessed(
        "id item_type item_id event whodunnit object object_changes created_at",
        &["1", "Post", "5", "destroy", "7", r#"{"title":"a"}"#, "NULL", "2026-01-31 10:00:00 UTC"],
    );
    assert_eq!((&event["action"], &event["actor"]["id"]), (&json!("post.delete"), &json!("7")));
    assert_eq!(event["changes"], json!({"before": {"title": "a"}}));
    // Laravel, auditing.
    let event = guessed(
        "id user_type user_id event auditable_type auditable_id old_values new_values url ip_address user_agent tags created_at",
        &[
            "1",
            r"App\Models\User",
            "2",
            "created",
            r"App\Models\Post",
            "3",
            "[]",
            r#"{"a":1}"#,
            "https://example.com/posts?x=1",
            "192.0.2.1",
            "ua",
            "NULL",
            "2026-01-31 10:00:00",
        ],
    );
    assert_eq!(
        (&event["action"], &event["actor"]["type"]),
        (&json!("post.create"), &json!("user"))
    );
    assert_eq!(event["context"]["http"]["path"], "/posts");
    assert_eq!(event["details"]["url"], "https://example.com/posts?x=1");
    // django-auditlog.
    let event = guessed(
        "id object_pk object_id object_repr action changes timestamp actor_id content_type_id remote_addr additional_data",
        &[
            "1",
            "12",
            "12",
            "Ann",
            "1",
            r#"{"name":["Ann","Anna"]}"#,
            "2026-01-31 10:00:00.123456+00",
            "4",
            "8",
            "NULL",
            r#"{"why":"x"}"#,
        ],
    );
    assert_eq!(event["action"], "update", "a number names nothing");
    assert_eq!(event["changes"]["after"], json!({"name": "Anna"}));
    assert_eq!(event["targets"][0], json!({"type": "8", "id": "12", "name": "Ann"}));
    assert_eq!(event["details"], json!({"id": "1", "object_pk": "12", "action": "1", "why": "x"}));
    // A trigger of PostgreSQL.
    let event = guessed(
        "event_id schema_name table_name session_user_name action_tstamp_tx action row_data changed_fields",
        &["1", "public", "orders", "app", "2026-01-31 10:00:00+02", "I", "NULL", "NULL"],
    );
    assert_eq!((&event["action"], &event["actor"]["id"]), (&json!("orders.create"), &json!("app")));
    assert_eq!(event["occurred_at"], "2026-01-31T08:00:00.000000Z");
    assert_eq!(event["details"]["action_tstamp_tx"], "2026-01-31 10:00:00+02");
}

#[test]
fn what_was_done_shows_in_the_states_where_no_column_says_it() {
    let names = "id table_name row_id old new changed_at";
    let of = |old, new| guessed(names, &["1", "t", "1", old, new, "2026-01-31"])["action"].clone();
    assert_eq!(of("NULL", "{}"), "t.create");
    assert_eq!(of("{}", "NULL"), "t.delete");
    assert_eq!(of("{}", "{}"), "t.update");
    assert!(guess("t", &columns("id note")).missing().is_some());
    assert_eq!(guess("t", &columns(names)).missing(), None);
}

#[test]
fn times_in_every_dress() {
    let map = |zone: &str| {
        Map::read(
            &format!("zone: {zone}\noccurred_at: at\naction: {{ const: a }}"),
            "t",
            &columns("at"),
        )
        .unwrap()
    };
    let at = |map: &Map, text: &str| {
        made(map, &texts(&[text]))["occurred_at"].as_str().unwrap().to_owned()
    };
    let utc = map("UTC");
    for (text, want) in [
        ("1769853600", "2026-01-31T10:00:00.000000Z"),
        ("1769853600.25", "2026-01-31T10:00:00.250000Z"),
        ("1769853600123", "2026-01-31T10:00:00.123000Z"),
        ("1769853600123456", "2026-01-31T10:00:00.123456Z"),
        ("1769853600123456789", "2026-01-31T10:00:00.123456Z"),
        ("-1", "1969-12-31T23:59:59.000000Z"),
        ("20260131", "2026-01-31T00:00:00.000000Z"),
        ("20260131100000", "2026-01-31T10:00:00.000000Z"),
        ("2026-01-31", "2026-01-31T00:00:00.000000Z"),
        ("2026/01/31 10:00", "2026-01-31T10:00:00.000000Z"),
        ("2026-01-31 10:00:00,123", "2026-01-31T10:00:00.123000Z"),
        ("2026-01-31 10:00:00.123456 +0230", "2026-01-31T07:30:00.123456Z"),
        ("2026-01-31T10:00:00-05", "2026-01-31T15:00:00.000000Z"),
        (" 2026-01-31 10:00:00 UTC ", "2026-01-31T10:00:00.000000Z"),
    ] {
        assert_eq!(at(&utc, text), want, "{text}");
    }
    for text in [
        "31.01.2026",
        "01/31/2026 10:00",
        "yesterday",
        "2026-02-30",
        "99999999999999999999999",
        "é026-01-31 10:00",
    ] {
        let (cells, map) = (texts(&[text]), &utc);
        let row = Row { position: 1, cells: &cells, more: &[] };
        assert_eq!(map.event(&row).unwrap_err().field, "at", "{text}");
    }
    assert_eq!(at(&map("\"+02:00\""), "2026-01-31 10:00:00"), "2026-01-31T08:00:00.000000Z");
    assert_eq!(at(&map("-05:30"), "2026-01-31 10:00:00"), "2026-01-31T15:30:00.000000Z");
    assert_eq!(at(&map("-05:30"), "2026-01-31 10:00:00Z"), "2026-01-31T10:00:00.000000Z");
    if jiff::tz::TimeZone::get("Europe/Berlin").is_ok() {
        assert_eq!(at(&map("Europe/Berlin"), "2026-07-31 10:00:00"), "2026-07-31T08:00:00.000000Z");
        assert_eq!(at(&map("Europe/Berlin"), "2026-01-31 10:00:00"), "2026-01-31T09:00:00.000000Z");
    }
    let cells = [Cell::Time(Micros(0))];
    assert_eq!(made(&utc, &cells)["occurred_at"], "1970-01-01T00:00:00.000000Z");
    assert_eq!(made(&utc, &[Cell::Null]).get("occurred_at"), None);
}

#[test]
fn an_id_is_the_same_for_the_same_row() {
    let id = |map: &Map, position, values: &[&str]| {
        let cells = texts(values);
        map.event(&Row { position, cells: &cells, more: &[] }).unwrap().id.unwrap().into_owned()
    };
    let keyed = guess("a", &columns("id action"));
    assert_eq!(id(&keyed, 1, &["7", "x"]), id(&keyed, 2, &["7", "y"]));
    assert_eq!(id(&keyed, 1, &["7", "x"]), crate::draft::foreign_id("a", "7"));
    assert_ne!(id(&keyed, 1, &["7", "x"]), id(&guess("b", &columns("id action")), 1, &["7", "x"]));
    let keyless = guess("a", &columns("action note"));
    assert_eq!(id(&keyless, 1, &["x", "y"]), id(&keyless, 1, &["x", "y"]));
    assert_ne!(id(&keyless, 1, &["x", "y"]), id(&keyless, 2, &["x", "y"]));
    assert_ne!(id(&keyless, 1, &["x", "y"]), id(&keyless, 1, &["x", "z"]));
    let key = |name: &str| Column { key: true, ..Column::named(name) };
    let both = guess("a", &[key("a"), key("b"), Column::named("action")]);
    assert_ne!(id(&both, 1, &["1", "23", "x"]), id(&both, 1, &["12", "3", "x"]));
}

#[test]
fn a_map_is_written_read_and_explained() {
    let columns = columns("id op tbl row_pk who at true why");
    let yaml = r#"
source: billing
zone: "+01:00"
id: id
occurred_at: at
action: { column: op, entity: tbl, values: { "+": create, X: archived, "no": rejected } }
target.type: tbl
target.id: row_pk
actor.type: { const: service }
actor.id: { column: who, const: nobody }
"#;
    let map = Map::read(yaml, "t", &columns).unwrap();
    let again = Map::read(&map.yaml(), "t", &columns).unwrap();
    assert_eq!((&again.takes, again.source(), again.yaml()), (&map.takes, "billing", map.yaml()));
    let event =
        made(&map, &texts(&["1", "X", "bills", "5", "NULL", "2026-01-31 10:00", "y", "because"]));
    let want = json!({
        "occurred_at": "2026-01-31T09:00:00.000000Z",
        "action": "archived",
        "actor": {"type": "service", "id": "nobody"},
        "targets": [{"type": "bills", "id": "5"}],
        "details": {"id": "1", "op": "X", "at": "2026-01-31 10:00", "true": "y", "why": "because"},
    });
    assert_eq!(event, want);
    let lines: Vec<String> =
        map.explain().into_iter().map(|line| format!("{} -> {}", line.from, line.member)).collect();
    let want = [
        "id -> id",
        "at -> occurred_at",
        "tbl -> target.type",
        "row_pk -> target.id",
        "op, of tbl; + is create; X is archived; no is rejected -> action",
        "\"service\" -> actor.type",
        "who, else \"nobody\" -> actor.id",
        "id -> details.id",
        "true -> details.true",
        "why -> details.why",
    ];
    assert_eq!(lines, want);
}

#[test]
fn a_map_that_makes_no_sense_says_what_is_wrong() {
    let columns = columns("id op");
    for (yaml, why) in [
        ("actoin: op", "actoin: is not a member"),
        ("action: opp", "there is no column opp: there are id, op"),
        ("action: { colum: op }", "unknown field"),
        ("action: op\naction: id", "duplicate"),
        ("action: {}", "says nothing"),
        ("action: { column: op, columns: [op] }", "not both"),
        ("outcome: { column: op, entity: id }", "for the action alone"),
        ("id: { const: x }", "without const"),
        ("zone: Middle/Earth", "zone: Middle/Earth is not known"),
        ("zone: { const: UTC }", "must be a text"),
        ("action: [op]", "a column's name"),
        ("- a", "map"),
        ("a: [", ""),
    ] {
        let error = Map::read(yaml, "t", &columns).unwrap_err().0;
        assert!(error.to_lowercase().contains(&why.to_lowercase()), "{yaml}: {error}");
    }
    assert!(Map::read(&"#".repeat(70_000), "t", &columns).is_err());
}

#[test]
fn nothing_of_a_row_is_lost() {
    // Names twice, none, or with what no key may have; JSON that only others accept; numbers that are none.
    let columns = [
        Column::named("note"),
        Column::named("note"),
        Column::named(""),
        Column::named("a\0b"),
        Column::named("action"),
        Column::named("details"),
    ];
    let map = guess("t", &columns);
    let cells = [
        Cell::Number("NaN".into()),
        Cell::Json(r#"{"a":1,"a":2}"#.into()),
        Cell::Bytes(Cow::Borrowed(&[1, 255])),
        Cell::Number("12345678901234567890.10".into()),
        Cell::Text("Login Failed!".into()),
        Cell::Json(r#"{"note":1}"#.into()),
    ];
    let row = Row {
        position: 1,
        cells: &cells,
        more: &[("b".into(), Cell::Bool(true)), ("c".into(), Cell::Null)],
    };
    let json = String::from_utf8(map.event(&row).unwrap().to_json()).unwrap();
    indelible_event::check(json.as_bytes()).unwrap();
    let (_, details) = json.split_once("\"details\":").unwrap();
    let want = concat!(
        r#"{"note":"NaN","note_2":"{\"a\":1,\"a\":2}","column_3":"01ff","ab":12345678901234567890.10,"#,
        r#""action":"Login Failed!","b":true,"details":{"note":1}}}"#
    );
    assert_eq!(details, want);
    assert!(json.contains(r#""action":"login_failed""#));
}

/// Values of all kinds, of which some make no sense where they stand.
fn cell() -> impl Strategy<Value = Cell<'static>> {
    let text = prop_oneof![
        ".{0,40}",
        "[a-zA-Z./:_ ]{0,20}",
        r#"\{"(before|old|a)": ?(1|null|\[1,2\]|"x"), ?"(after|new|b)": ?(\[1,2\]|\{"x":1\})\}"#,
        "20[0-9]{2}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?([+-][0-9]{2}(:?[0-9]{2})?|Z| UTC)?",
        "-?[0-9]{1,25}(\\.[0-9]{0,12})?",
        "(true|false|ok|denied|200|I|created|User|https://x.example/a\\?b)",
    ];
    prop_oneof![
        Just(Cell::Null),
        text.clone().prop_map(|text| Cell::Text(text.into())),
        text.clone().prop_map(|text| Cell::Number(text.into())),
        text.prop_map(|text| Cell::Json(text.into())),
        any::<bool>().prop_map(Cell::Bool),
        any::<i64>().prop_map(|at| Cell::Time(Micros(at))),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| Cell::Bytes(bytes.into())),
    ]
}

fn name() -> impl Strategy<Value = String> {
    let usual: Vec<&str> =
        members::USUAL.iter().flat_map(|usual| usual.3.split_ascii_whitespace()).collect();
    prop_oneof![3 => proptest::sample::select(usual).prop_map(str::to_owned), 1 => ".{0,12}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(100_000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_row_is_an_event_or_refused_with_a_field(
        table in proptest::collection::vec((name(), cell()), 0..12),
        position: u64,
    ) {
        let columns: Vec<Column> = table.iter().map(|(name, _)| Column::named(name.clone())).collect();
        let cells: Vec<Cell<'_>> = table.iter().map(|(_, cell)| cell.clone()).collect();
        let map = guess("t", &columns);
        let row = Row { position, cells: &cells, more: &[] };
        match map.event(&row) {
            Err(unmapped) => prop_assert!(!unmapped.field.is_empty() && !unmapped.message.is_empty()),
            Ok(draft) => {
                let json = draft.to_json();
                if let Err(refusal) = indelible_event::check(&json) {
                    // The name of a trail is the one text that is not made fit: it says where the event goes.
                    prop_assert_eq!(refusal.field, "trail");
                } else {
                    // Every value is somewhere, whole.
                    let event = String::from_utf8(json).unwrap();
                    for cell in &cells {
                        let mut json = String::new();
                        cell.write_json(&mut json);
                        let state = cell.state().unwrap_or_default();
                        let said = match cell {
                            // Kept in another form, from which it can be told.
                            Cell::Null | Cell::Time(_) | Cell::Bool(_) => continue,
                            _ if cell.text().is_none() => continue,
                            cell => cell.text().unwrap_or_default(),
                        };
                        let quoted = serde_json::to_string(&said).unwrap();
                        let time = time::read(cell, &time::Zone::utc()).ok().flatten().map(|(at, _)| at.to_string());
                        let states = cell.object().and_then(details::states).is_some();
                        let object = cell.object().is_some();
                        let address = quoted.contains("/32") || quoted.contains("/128");
                        prop_assert!(
                            event.contains(&json) || event.contains(&*state) || event.contains(quoted.trim_matches('"').trim())
                                || states || object || address
                                || time.is_some_and(|time| event.contains(&time)),
                            "{:?} is not in {}", cell, event
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_guess_reads_as_it_was_written(names in proptest::collection::hash_set(name(), 0..12)) {
        let columns: Vec<Column> = names.into_iter().map(Column::named).collect();
        let map = guess("t", &columns);
        let again = Map::read(&map.yaml(), "u", &columns);
        prop_assert_eq!(again.map(|map| map.takes).map_err(|e| e.0), Ok(map.takes));
    }

    #[test]
    fn no_map_makes_it_panic(cuts in proptest::collection::vec((0usize..400, ".{0,3}"), 1..6)) {
        let columns = columns("id op at who");
        let mut yaml = guess("t", &columns).yaml() + "outcome: { column: op, values: { a: success, \"x\": denied } }\n";
        for (at, text) in cuts {
            let at = at % (yaml.len() + 1);
            if yaml.is_char_boundary(at) {
                yaml.insert_str(at, &text);
            }
        }
        if let Err(error) = Map::read(&yaml, "t", &columns) {
            prop_assert!(!error.0.is_empty());
        }
    }
}
