use super::*;

const EXAMPLE: &str = "security 7y archive 90d, reads 30d, category:login+trail:shop 1y, action:backup 7y, everything else 90d";

fn error(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn a_text_reads_as_rules_and_prints_as_itself() {
    let rules = parse(EXAMPLE).unwrap();
    let classes: Vec<&str> = rules.iter().map(|rule| rule.class.as_str()).collect();
    assert_eq!(classes, ["security", "reads", "login_shop", "backup", "standard"]);
    let days: Vec<_> = rules.iter().map(|rule| (rule.days, rule.archive_days)).collect();
    assert_eq!(days[0], (Some(2557), Some(90)));
    assert_eq!(
        days[1..].iter().map(|d| d.0).collect::<Vec<_>>(),
        [Some(30), Some(366), Some(2557), Some(90)]
    );
    assert_eq!(rules[0].categories, GROUPS[0].categories);
    assert_eq!(rules[2].trail.as_deref(), Some("shop"));
    assert_eq!(print(&rules), EXAMPLE);
    for text in [
        "everything else forever",
        "reads+changes+outcome:denied 12y, category:login+category:logout 1d, everything else forever",
        "reads+trail:_system 90d, reads 30d, trail:a 1m, everything else 7d",
        "category:wal_operation 0d, operations 5d, everything else 100y",
    ] {
        let rules = parse(text).unwrap();
        assert_eq!(print(&rules), text);
        assert_eq!(parse(&print(&rules)).unwrap(), rules);
    }
    // Other spellings of the same.
    assert_eq!(
        print(&parse(" trail:a+reads  2w ,everything else 3m").unwrap()),
        "reads+trail:a 14d, everything else 3m"
    );
}

#[test]
fn every_number_of_days_prints_as_a_period_that_reads_as_just_as_many() {
    for days in 0..=RETENTION_DAYS_MAX {
        let rules = parse(&format!("everything else {}", period(days))).unwrap();
        assert_eq!(rules[0].days, Some(days));
    }
    assert_eq!((period(2192), period(366), period(365)), ("6y".into(), "1y".into(), "365d".into()));
}

#[test]
fn classes_are_told_apart() {
    let text = "trail:system 1d, trail:standard 2d, trail:a-b 3d, trail:a_b 4d, everything else 5d";
    let rules = parse(text).unwrap();
    let classes: Vec<&str> = rules.iter().map(|rule| rule.class.as_str()).collect();
    assert_eq!(classes, ["system_2", "standard_2", "a_b", "a_b_2", "standard"]);
    let long = format!("action:{} 1d, everything else 2d", "x".repeat(120));
    assert!(Policy { rules: parse(&long).unwrap(), ..Policy::first() }.check().is_ok());
}

#[test]
fn errors_say_where_and_what_was_perhaps_meant() {
    for (text, wanted) in [
        (
            "secrity 7y, everything else 1y",
            "at 1: \"secrity\" is neither a group of categories nor one of trail:, category:, action: and outcome:; perhaps security was meant",
        ),
        (
            "reads 30d",
            "at 10: say last what becomes of everything else; perhaps reads 30d, everything else forever was meant",
        ),
        ("reads 30, everything else 1y", "at 7: say the unit: 30d, 30w, 30m or 30y"),
        ("reads 30q, everything else 1y", "at 7: \"q\" is no unit: d, w, m (31 days) or y"),
        ("reads, everything else 1y", "at 6: say for how long, such as 90d, 7y or forever"),
        (
            "reads 7d archiv 3d, everything else 1y",
            "at 10: \"archiv\" is not expected here; a comma ends a rule; perhaps archive was meant",
        ),
        (
            "reads 7d archive 7d, everything else 1y",
            "at 18: it would expire before it goes to the archive",
        ),
        (
            "reads 7d archive, everything else 1y",
            "at 17: say after how long it goes to the archive, such as 90d",
        ),
        (
            "everything else 1y, reads 7d",
            "at 21: nothing fits after `everything else`: it must come last",
        ),
        ("everything 1y", "at 1: say `everything else`; perhaps everything else was meant"),
        ("reads 1d, reads 2d, everything else 1y", "at 11: reads has a rule already"),
        (
            "outcome:denid 1d, everything else 1y",
            "at 9: \"denid\" is no outcome; perhaps denied was meant",
        ),
        (
            "outcom:denied 1d, everything else 1y",
            "at 1: \"outcom\" is none of trail, category, action and outcome; perhaps outcome was meant",
        ),
        ("reads+category:data_access 1d, everything else 1y", "at 7: data_access is named twice"),
        ("trail:a+trail:b 1d, everything else 1y", "at 9: trail: is there twice"),
        ("reads 101y, everything else 1y", "at 7: longer than 36525 days; say forever"),
        (
            "reads 99999999999d, everything else 1y",
            "at 7: \"99999999999d\" is no period, such as 90d, 4w, 6m, 7y or forever",
        ),
        (
            "reads foreverr, everything else 1y",
            "at 7: \"foreverr\" is no period, such as 90d, 4w, 6m, 7y or forever; perhaps forever was meant",
        ),
        ("reads 1d,, everything else 1y", "at 10: a rule is missing here"),
        ("", "at 1: a rule is missing here"),
        (
            "action:Backup 1d, everything else 1y",
            "at 8: \"Backup\" is no action, such as backup or backup.delete",
        ),
    ] {
        assert_eq!(error(text), wanted, "{text}");
    }
    // Beyond ASCII the place is counted in characters.
    assert!(error("reads 1d, ünbekannt 3d, everything else 1y").starts_with("at 11: "));
    assert!(error("reads 1ü, everything else 1y").starts_with("at 7: \"ü\" is no unit"));
    assert!(parse(&"x".repeat(POLICY_TEXT_BYTES_MAX + 1)).is_err());
}
