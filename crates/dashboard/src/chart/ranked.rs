//! Values by how often there is one, each with a bar.

use maud::{Markup, html};

use super::percent;
use crate::text::grouped;

/// A value.
pub struct Ranked {
    /// What it is, made harmless.
    pub label: Markup,
    /// Where it leads.
    pub href: Option<String>,
    /// How often there is one.
    pub count: u64,
}

/// Values with their bars, the most frequent first. `rest` is how many events have another one.
pub fn ranked(id: &str, title: &str, rows: &[Ranked], rest: u64) -> Markup {
    let most = rows.iter().map(|row| row.count).max().unwrap_or_default();
    html! {
        section.ranked id=(id) {
            h3 { (title) }
            @if rows.is_empty() {
                p.quiet { "None in this time." }
            } @else {
                table.rank {
                    thead.sr { tr { th scope="col" { (title) } th scope="col" { "Events" } } }
                    tbody { @for row in rows { tr {
                        th scope="row" {
                            @if let Some(href) = &row.href { a href=(href) { (row.label) } } @else { (row.label) }
                            svg.bar width="100%" height="4" aria-hidden="true" focusable="false" {
                                rect.ground width="100%" height="4" rx="2" {}
                                rect.fill width={ (percent(row.count, most)) "%" } height="4" rx="2" {}
                            }
                        }
                        td.n { (grouped(row.count)) }
                    } } }
                    @if rest > 0 { tfoot { tr { th scope="row" { "All others" } td.n { (grouped(rest)) } } } }
                }
            }
        }
    }
}
