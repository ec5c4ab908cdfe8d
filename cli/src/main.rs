//! The command line `indelible`: a tamper-evident audit log in one binary.
//!
//! Every command is a module that only translates: arguments into calls of the libraries, results into
//! lines. What several need is in `args` (what can be said), `place` (which directory, opened how),
//! `ask` (the API's questions, to a node or a directory), `look` (how it looks to a person), `out` (standard
//! output and error), `files` (the caller's files) and `failure` (how it can end).

mod append;
mod args;
mod ask;
mod cat;
mod demo;
mod drill;
mod export;
mod failure;
mod files;
mod import;
mod index;
mod init;
mod keeping;
mod keys;
mod look;
mod out;
mod place;
mod progress;
mod prove;
mod seal;
mod serve;
mod shell;
mod show;
mod streams;
mod tiles;
mod verify;
mod watching;

use std::process::ExitCode;

use args::{Cli, Command, KeyCommand, ReportCommand};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use failure::Failure;
use out::Out;

fn main() -> ExitCode {
    let matches = Cli::command().get_matches_from(args::with_exclusions(std::env::args_os()));
    let Cli { mut global, command } = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(e) => e.exit(),
    };
    global.data_named = names_data(&matches);
    let mut out = Out::new(global.json);
    let result = run(&global, &mut out, command).and_then(|()| out.finish());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(global.json),
    }
}

/// Whether --data is on the command line, before or after the command's name.
fn names_data(matches: &ArgMatches) -> bool {
    matches.value_source("data") == Some(ValueSource::CommandLine)
        || matches.subcommand().is_some_and(|(_, matches)| names_data(matches))
}

fn run(global: &args::Global, out: &mut Out, command: Command) -> Result<(), Failure> {
    match command {
        Command::Init(args) => init::run(global, out, &args),
        Command::Append(args) => append::run(global, out, &args),
        Command::Serve(args) => serve::run(global, out, &args),
        Command::Search(args) => ask::search::run(global, out, &args),
        Command::Show(args) => ask::event::run(global, out, &args),
        Command::Timeline(args) => ask::timeline::run(global, out, &args),
        Command::Stats(args) => ask::stats::run(global, out, &args),
        Command::User(args) => ask::user::run(global, out, &args),
        Command::Report { command: ReportCommand::Unfinished(args) } => {
            ask::unfinished::run(global, out, &args)
        }
        Command::Report { command: ReportCommand::Gaps(args) } => {
            ask::gaps::run(global, out, &args)
        }
        Command::Tail(args) => ask::tail::run(global, out, &args),
        Command::Cat(args) => cat::run(global, out, &args),
        Command::Trails(args) => show::trails(global, out, &args),
        Command::Checkpoint(args) => show::checkpoint(global, out, &args.trail),
        Command::Key { command: KeyCommand::Show { trail } } => {
            show::key(global, out, trail.as_ref())
        }
        Command::Key { command: KeyCommand::Create(args) } => keys::create(global, out, &args),
        Command::Key { command: KeyCommand::List(args) } => keys::list(global, out, &args),
        Command::Key { command: KeyCommand::Revoke(args) } => keys::revoke(global, out, &args),
        Command::Prove(args) => prove::run(global, out, &args),
        Command::Verify { command } => verify::run(global, out, command),
        Command::Tiles(args) => tiles::run(global, out, &args),
        Command::Export(args) => export::run(global, out, &args),
        Command::Stream { command } => streams::run(global, out, &command),
        Command::Rules { command } => watching::rules::run(global, out, &command),
        Command::Alerts { command } => watching::alerts::run(global, out, &command),
        Command::Reviews { command } => watching::reviews::run(global, out, &command),
        Command::Retention(args) => keeping::retention::run(global, out, &args),
        Command::Hold { command } => keeping::requests::hold(global, out, &command),
        Command::Purge(args) => keeping::requests::purge(global, out, &args),
        Command::Requests(args) => keeping::requests::list(global, out, &args),
        Command::Confirm(args) => keeping::requests::confirm(global, out, &args),
        Command::Withdraw(args) => keeping::requests::withdraw(global, out, &args),
        Command::Erase(args) => keeping::erase::run(global, out, &args),
        Command::Archive(args) => keeping::archive::run(global, out, &args),
        Command::Import(args) => import::run(global, out, &args),
        Command::Backup { command } => keeping::backup::run(global, out, &command),
        Command::Restore(args) => keeping::restore::run(global, out, &args),
        Command::Reindex => index::reindex(global, out),
        Command::Seal => seal::run(global, out),
        Command::Drill(args) => drill::run(global, out, &args),
        Command::Demo(args) => demo::run(out, &args),
        Command::Completions { shell } => shell::completions(out, shell),
        Command::Man { out: dir } => shell::man(out, &dir),
    }
}
