//! The help of each command is kept, so that a change of it is seen. `INDELIBLE_BLESS=1` writes it anew.

use std::path::Path;

use crate::harness::{self, Log};

const COMMANDS: &[&str] = &[
    "",
    "init",
    "append",
    "serve",
    "search",
    "show",
    "timeline",
    "stats",
    "user",
    "report",
    "report unfinished",
    "report gaps",
    "tail",
    "cat",
    "trails",
    "trails publish",
    "trails unpublish",
    "checkpoint",
    "key",
    "key show",
    "key create",
    "key list",
    "key revoke",
    "prove",
    "prove consistency",
    "verify",
    "verify proof",
    "verify consistency",
    "verify bundle",
    "verify log",
    "verify index",
    "tiles",
    "export",
    "stream",
    "stream list",
    "stream inputs",
    "stream show",
    "stream pause",
    "stream resume",
    "stream replay",
    "stream check",
    "rules",
    "rules check",
    "rules test",
    "rules backtest",
    "rules list",
    "rules show",
    "alerts",
    "alerts list",
    "alerts show",
    "alerts ack",
    "alerts assign",
    "alerts comment",
    "alerts close",
    "alerts test",
    "reviews",
    "reviews list",
    "reviews show",
    "reviews sign",
    "retention",
    "retention show",
    "retention set",
    "retention presets",
    "retention preview",
    "retention run",
    "retention confirm-clock",
    "hold",
    "hold create",
    "hold list",
    "hold release",
    "purge",
    "erase",
    "erase list",
    "erase certificate",
    "requests",
    "confirm",
    "withdraw",
    "archive",
    "archive list",
    "archive offload",
    "archive settings",
    "archive settings get",
    "archive settings set",
    "import",
    "backup",
    "backup create",
    "backup list",
    "backup show",
    "backup verify",
    "backup delete",
    "backup settings",
    "backup settings get",
    "backup settings set",
    "restore",
    "seal",
    "reindex",
    "drill",
    "demo",
    "completions",
    "man",
];

#[test]
fn help_is_as_it_was() {
    let log = Log::none();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/help");
    for command in COMMANDS {
        let help = log.run(command.split_whitespace().chain(["--help"])).ok().stdout;
        let path =
            kept.join(format!("{}.txt", format!("indelible {command}").trim().replace(' ', "-")));
        if std::env::var_os("INDELIBLE_BLESS").is_some() {
            harness::write(&path, &help);
        }
        assert_eq!(
            help,
            harness::read_text(&path),
            "the help of {command:?}; INDELIBLE_BLESS=1 keeps the new one"
        );
    }
}

#[test]
fn every_command_is_in_the_list() {
    let log = Log::none();
    let help = log.run(["--help"]).ok().stdout;
    let list = help
        .split("Commands:\n")
        .nth(1)
        .and_then(|rest| rest.split("\n\n").next())
        .expect("a list");
    let names = list
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help");
    for name in names {
        assert!(
            COMMANDS.iter().any(|c| c.split(' ').next() == Some(name)),
            "{name} has no kept help"
        );
    }
}

#[test]
fn nonsense_is_a_usage_error() {
    let log = Log::none();
    for line in [
        "",
        "nonsense",
        "prove",
        "prove --seq 1 --id x",
        "verify proof f --key nonsense",
        "cat --trail a/b",
        "append --trail _system",
        "retention set",
        "retention set x --preset y",
        "retention set x --floor 30d",
        "hold create",
        "hold create actor:maria",
        "purge --class reads",
        "purge --until 2026-06-30",
        "purge --class reads --until yesterday --reason r",
        "purge --class reads --until 2026-06-30",
        "erase --subject maria",
        "erase --authority law",
        "erase --subject maria --id 0190b1a0-0000-7000-8000-000000000000 --authority law",
        "archive",
        "archive --to x --by action",
        "archive --to x --entries",
        "archive settings set --every 3",
        "backup settings set",
        "backup settings set --every 6h --daily 02:30",
        "backup settings set --daily 25:00",
        "restore",
        "restore --continue 0190b1a0-0000-7000-8000-000000000000",
    ] {
        let ran = log.run(line.split_whitespace()).status(2);
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty());
    }
    log.run(["cat", "--from", "3", "--to", "2"]).status(2).says("--to is before --from");
}

#[test]
fn manual_and_completions_are_made() {
    let log = Log::none();
    log.run(["man", "--out", "man"]).ok();
    let pages = harness::files(&log.path("man"));
    for page in [
        "indelible.1",
        "indelible-append.1",
        "indelible-verify-proof.1",
        "indelible-prove-consistency.1",
    ] {
        assert!(pages.iter().any(|p| p == Path::new(page)), "{page} is not in {pages:?}");
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(log.run(["completions", shell]).ok().stdout.contains("checkpoint"));
    }
}

#[test]
fn without_a_log_it_says_how_to_make_one() {
    let log = Log::none();
    for line in [
        "append",
        "cat",
        "trails",
        "checkpoint",
        "key show",
        "prove --seq 0",
        "tiles --out t",
        "export --out e.csv",
        "verify log",
        "verify index",
        "reindex",
        "trails publish default",
        "key create --role reader --name r",
        "retention",
        "hold list",
        "requests",
        "erase list",
        "archive list",
        "backup create --to b",
        "search",
        "tail -f",
        "drill",
        "seal",
    ] {
        log.run(line.split_whitespace())
            .status(3)
            .says("there is no log in")
            .says("indelible init");
    }
    let told = log.run(["trails", "--json"]).status(3).stderr;
    assert!(harness::objects(&told)[0]["error"].as_str().is_some_and(|e| e.contains("no log")));
}
