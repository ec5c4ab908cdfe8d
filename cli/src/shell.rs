//! `indelible completions` and `man`

use std::path::Path;

use clap::CommandFactory;
use serde::Serialize;

use crate::args::Cli;
use crate::failure::Failure;
use crate::files;
use crate::out::Out;

#[derive(Serialize)]
struct Pages {
    pages: usize,
}

pub fn completions(out: &mut Out, shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "indelible", &mut script);
    out.bytes(&script)
}

pub fn man(out: &mut Out, dir: &Path) -> Result<(), Failure> {
    files::make_dir(dir).map_err(Failure::io(dir.display()))?;
    let mut command = Cli::command().disable_help_subcommand(true);
    // Building gives every subcommand its full name and the options of its parents.
    command.build();
    let pages = write_pages(dir, &command)?;
    if out.is_json() {
        return out.object(&Pages { pages });
    }
    out.line(format_args!("{pages} pages in {}", dir.display()))
}

fn write_pages(dir: &Path, command: &clap::Command) -> Result<usize, Failure> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let path = dir.join(format!("{name}.1"));
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone()).title(name.to_uppercase());
    man.render(&mut page).map_err(Failure::io(path.display()))?;
    files::write(&path, &page)?;
    let mut pages = 1;
    for sub in command.get_subcommands() {
        pages += write_pages(dir, sub)?;
    }
    Ok(pages)
}
