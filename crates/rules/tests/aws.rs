//! The public rules for AWS CloudTrail.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indelible_connect::import::Format;
use indelible_rules::{File, Origin, RuleSet};

use crate::imported;

/// Records of CloudTrail, made by hand.
const RECORDS: &str = include_str!("../../../testdata/sigma/cloudtrail.jsonl");

/// Where they lie: they are not part of this repository.
fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/sigma-aws");
    let folder = std::env::var_os("INDELIBLE_SIGMA_AWS").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!(
        "skipped: no public rules at {}; INDELIBLE_SIGMA_AWS says where they are",
        folder.display()
    );
    None
}

fn files() -> Option<Vec<File>> {
    let entries = std::fs::read_dir(folder()?).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "yml"));
    paths.sort();
    let file = |path: PathBuf| File {
        name: path.file_name().unwrap().to_str().unwrap().into(),
        text: std::fs::read_to_string(&path).unwrap().into(),
        origin: Origin::Folder,
    };
    Some(paths.into_iter().map(file).collect())
}

#[test]
fn all_load() {
    let Some(files) = files() else { return };
    let set = RuleSet::read(&files, &[], &[]);
    println!("{} files: {} loaded, {} refused", files.len(), set.rules.len(), set.refused.len());
    for refused in &set.refused {
        println!("{}:{}: {}", refused.file, refused.line.unwrap_or(0), refused.reason);
    }
    assert_eq!((set.rules.len(), set.refused.len()), (files.len(), 0));
}

/// A line of the records: one, and the file of the rule that it is about; none if it is about none.
#[derive(serde::Deserialize)]
struct Example<'a> {
    rule: Option<&'a str>,
    #[serde(borrow)]
    record: &'a serde_json::value::RawValue,
}

#[test]
fn each_matches_what_it_is_about() {
    let Some(files) = files() else { return };
    let set = Arc::new(RuleSet::read(&files, &[], &[]));
    let examples: Vec<Example<'_>> =
        RECORDS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for rule in &set.rules {
        let about = examples.iter().any(|example| example.rule == Some(&*rule.file));
        assert!(about, "no record is about {}", rule.file);
    }
    for Example { rule, record } in examples {
        let json = imported::event(Format::CloudTrail, record.get());
        let matched = imported::matching(&set, &json);
        let matched: Vec<&str> = matched.into_iter().map(|no| &*set.rules[no].file).collect();
        match rule {
            Some(rule) => assert!(matched.contains(&rule), "{rule} {matched:?} {record}"),
            None => assert_eq!(matched, Vec::<&str>::new(), "{record}"),
        }
    }
}
