//! `serve --demo`: a made-up day, and what to try on it.

use indelible_log::{Appended, Clock, SystemClock};
use indelible_server::{NewKey, Running};
use indelible_store::{Item, Store};

use crate::demo::{SEED, events, item};
use crate::failure::Failure;
use crate::out::{Out, Table, grouped};

/// Ordinary events of the day; what happened besides comes on top.
const EVENTS: u64 = 3_000;
/// Events that are appended together.
const BATCH: usize = 500;

/// Appends the day. Gives the number of its events.
pub fn append(store: &Store) -> Result<usize, Failure> {
    let told = events::make(SEED, EVENTS, SystemClock.now());
    let items: Vec<Item> = told.iter().map(item).collect::<Result<_, _>>()?;
    let mut kept = 0;
    for batch in items.chunks(BATCH) {
        for result in store.append(batch) {
            let appended = result.map_err(Failure::cannot)?;
            kept += usize::from(matches!(appended, Appended::Kept(_)));
        }
    }
    Ok(kept)
}

/// A key for the examples.
pub fn key(running: &Running) -> Result<String, Failure> {
    let new = NewKey { role: "admin".into(), name: "demo".into(), trails: None, expires_at: None };
    running.make_key(&new).map_err(Failure::cannot)
}

/// What to try. What is printed works as it is pasted.
pub fn tell(out: &mut Out, address: &str, key: &str, events: usize) -> Result<(), Failure> {
    let me = std::env::args().next().unwrap_or_else(|| "indelible".into());
    out.line(format_args!("  key    {key}"))?;
    out.line(format_args!(
        "\n{} events of five systems since yesterday evening are in it. Somebody got in at night. In another shell:\n",
        grouped(events as u64)
    ))?;
    out.line(format_args!("  export INDELIBLE_URL={address} INDELIBLE_KEY={key}"))?;
    let mut table = Table::new(&[], &[]);
    for (line, why) in [
        ("stats outcome:denied,failure", "# what went wrong, whose, from where"),
        ("search actor:ops.nightly --oldest-first", "# what that one did"),
        ("timeline --correlation corr-7f3a", "# and across systems"),
        ("search phase:intent action:backup.restore", "# what was begun"),
        ("tail -f", "# what comes now"),
    ] {
        table.row(vec![format!("  {me} {line}"), why.into()]);
    }
    table.print(out)?;
    out.line(format_args!(
        "\n  curl -H \"Authorization: Bearer {key}\" {address}/api/audit/logs \\\n    \
         -d '{{\"action\":\"backup.delete\",\"user_id\":\"maria\",\"resource_type\":\"backup\",\"resource_id\":\"db-0417\"}}'\n  \
         curl -H \"Authorization: Bearer {key}\" '{address}/api/audit/logs?action=backup.delete&page_size=3'"
    ))
}
