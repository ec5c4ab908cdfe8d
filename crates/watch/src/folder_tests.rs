#![expect(clippy::disallowed_methods, reason = "a folder is what is tested")]

use std::fs;

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn names(files: &[File]) -> Vec<&str> {
    let own = files.iter().filter(|file| file.origin == Origin::Folder);
    own.map(|file| &*file.name).collect()
}

#[test]
fn files_are_found_by_their_places_and_told_apart() {
    let dir = folder(&[
        ("watch.yaml", "lateness: 1m\n"),
        ("rules/b.yml", "b"),
        ("rules/b.test.yml", "t"),
        ("rules/deep/er/a.yaml", "a"),
        ("rules/README.md", "no"),
        ("rules/.hidden.yml", "no"),
        ("rules/b.yml~", "no"),
        ("mappings/okta.yml", "m"),
        ("other/x.yml", "no"),
    ]);
    let read = Folder::read(Some(dir.path())).unwrap();
    assert_eq!(names(&read.rules), ["rules/b.yml", "rules/deep/er/a.yaml"]);
    assert_eq!(names(&read.tests), ["rules/b.test.yml"]);
    assert_eq!(names(&read.mappings), ["mappings/okta.yml"]);
    assert_eq!(read.refused, []);
    assert_eq!(read.settings.lateness(), indelible_event::Micros(60_000_000));
    let empty = folder(&[]);
    assert!(Folder::read(Some(empty.path())).unwrap().refused.is_empty());
    assert!(Folder::read(Some(&empty.path().join("none"))).is_err());
}

#[test]
fn what_is_no_ordinary_file_is_refused_and_the_others_are_read() {
    let dir = folder(&[("rules/a.yml", "a"), ("rules/z.yml", "z"), ("elsewhere", "secret")]);
    let at = |name: &str| dir.path().join(name);
    std::os::unix::fs::symlink(at("elsewhere"), at("rules/link.yml")).unwrap();
    std::os::unix::fs::symlink(dir.path(), at("rules/loop")).unwrap();
    fs::write(at("rules/large.yml"), "x".repeat(FILE_BYTES_MAX + 1)).unwrap();
    fs::write(at("rules/odd.yml"), [0xff, 0xfe]).unwrap();
    let deep = "d/".repeat(FOLDER_DEPTH_MAX);
    fs::create_dir_all(at(&format!("rules/{deep}"))).unwrap();
    let read = Folder::read(Some(dir.path())).unwrap();
    assert_eq!(names(&read.rules), ["rules/a.yml", "rules/z.yml"]);
    let said: Vec<String> =
        read.refused.iter().map(|one| format!("{}: {}", one.file, one.reason)).collect();
    for (file, why) in
        [("link.yml", "link"), ("loop", "link"), ("large.yml", "longer"), ("odd.yml", "UTF-8")]
    {
        let told = said.iter().any(|said| said.contains(file) && said.contains(why));
        assert!(told, "{file}: {said:?}");
    }
    assert!(said.iter().any(|said| said.contains("too deep")), "{said:?}");
    assert_eq!(said.len(), 5);
}

#[test]
fn a_change_shows_whatever_it_is() {
    let dir = folder(&[("watch.yaml", ""), ("rules/a.yml", "a"), ("rules/x/b.yml", "b")]);
    let at = |name: &str| dir.path().join(name);
    let mut read = Folder::read(Some(dir.path())).unwrap();
    let mut changed = |what: &str| {
        assert_ne!(read.look(), Some(read.stamp.clone()), "{what}");
        read = read.read_again().unwrap();
        assert_eq!(read.look(), Some(read.stamp.clone()), "{what}");
    };
    fs::write(at("rules/c.yml"), "c").unwrap();
    changed("a new file");
    // An editor that writes aside and renames keeps length and perhaps even the time.
    fs::write(at("rules/aside"), "C").unwrap();
    fs::rename(at("rules/aside"), at("rules/c.yml")).unwrap();
    changed("another file in its place");
    fs::remove_file(at("rules/x/b.yml")).unwrap();
    changed("a file that is gone");
    fs::write(at("watch.yaml"), "lateness: 2m\n").unwrap();
    changed("the settings");
    fs::write(at("mappings"), "").unwrap();
    assert_eq!(read.look(), Some(read.stamp), "nothing that is read");
}

#[test]
fn settings_that_make_no_sense_are_an_error_at_first_and_refused_later() {
    let dir = folder(&[("watch.yaml", "latness: 1m\n")]);
    let error = Folder::read(Some(dir.path())).unwrap_err().0;
    assert!(error.contains("watch.yaml:1:1:") && error.contains("`lateness`"), "{error}");
    fs::write(dir.path().join("watch.yaml"), "lateness: 1m\n").unwrap();
    let first = Folder::read(Some(dir.path())).unwrap();
    fs::write(dir.path().join("watch.yaml"), "lateness: 1y\n").unwrap();
    let again = first.read_again().unwrap();
    assert_eq!(again.settings.lateness(), first.settings.lateness());
    let why = &again.refused[0].reason;
    assert!(why.contains("1y") && why.contains("settings before go on"), "{why}");
}
