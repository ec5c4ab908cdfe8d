//! `indelible init`

use indelible_event::TrailName;
use indelible_store::{GUARD, InitOptions, KEY, Store};
use serde::Serialize;

use crate::args::{Global, Init};
use crate::failure::Failure;
use crate::out::{Out, Table};

/// The origin where the machine has no usable name.
const NAMELESS: &str = "indelible.local";

#[derive(Serialize)]
struct Made {
    data: String,
    origin: String,
    key: String,
    guard: String,
    system_vkey: String,
}

pub fn run(global: &Global, out: &mut Out, args: &Init) -> Result<(), Failure> {
    let origin = args.origin.clone().unwrap_or_else(host_name);
    let options = InitOptions { origin: origin.clone() };
    let seams = global.seams();
    match global.guard_storage() {
        Some(guard) => Store::init_with_guard(&seams, &guard, &options)?,
        None => Store::init(&seams, &options)?,
    }
    let reader = global.reader()?;
    let system = reader.trail(&TrailName::system())?;
    let guard = global.guard.as_ref().unwrap_or(&global.data).join(GUARD);
    let made = Made {
        data: global.data.display().to_string(),
        origin,
        key: global.data.join(KEY).display().to_string(),
        guard: guard.display().to_string(),
        system_vkey: reader.vkey(&system)?.to_string(),
    };
    if out.is_json() { out.object(&made) } else { tell(global, out, &made) }
}

fn tell(global: &Global, out: &mut Out, made: &Made) -> Result<(), Failure> {
    out.line(format_args!("A new log is in {}.\n", made.data))?;
    let mut table = Table::new(&[], &[]);
    let mut row = |cells: [&str; 3]| {
        table.row([vec![String::new()], cells.map(str::to_owned).into()].concat())
    };
    row(["origin", &made.origin, "the name under which it signs"]);
    row(["key", &made.key, "secret; back it up, show it to nobody"]);
    row(["guard", &made.guard, "what was signed last; safest on another disk (--guard)"]);
    table.print(out)?;
    let mut place = format!("--data {}", made.data);
    let reading = place.clone();
    if let Some(guard) = &global.guard {
        place.push_str(&format!(" --guard {}", guard.display()));
    }
    out.line("\nNext:\n  echo '{\"action\":\"hello.world\",\"user_id\":\"me\"}' |")?;
    out.line(format_args!("    indelible append {place} --receipts"))?;
    out.line(format_args!("  indelible cat {reading}        what was kept"))?;
    out.line(format_args!("  indelible key show {reading}   what your readers need to verify"))
}

/// The machine's name, if it can be part of an origin.
pub fn host_name() -> String {
    let name = gethostname::gethostname().into_string().unwrap_or_default();
    let usable = |b: u8| b.is_ascii_alphanumeric() || b".-".contains(&b);
    if name.is_empty() || !name.bytes().all(usable) {
        NAMELESS.into()
    } else {
        name.to_ascii_lowercase()
    }
}
