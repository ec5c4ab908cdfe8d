//! How much, by two things at once: a table whose cells are shaded.

use maud::{Markup, html};

use super::compact;
use crate::text::grouped;

/// Shades, the one for nothing included.
const SHADES: [&str; 5] = ["none", "s1", "s2", "s3", "s4"];

/// A table of counts, shaded from none to most. Every row has a count for each column.
pub fn heat(id: &str, title: &str, columns: &[String], rows: &[(String, Vec<u64>)]) -> Markup {
    let most = rows.iter().flat_map(|(_, counts)| counts).copied().max().unwrap_or_default();
    html! {
        figure.chart id=(id) {
            figcaption { h2.chart-title { (title) } }
            @if most == 0 {
                p.quiet.nothing { "Nothing in this time." }
            } @else {
                table.heat {
                    thead { tr {
                        td {}
                        @for column in columns { th scope="col" { span { (column) } } }
                    } }
                    tbody { @for (name, counts) in rows { tr {
                        th scope="row" { (name) }
                        @for (column, count) in columns.iter().zip(counts) {
                            td class=(SHADES[shade(*count, most)]) title={ (name) " " (column) ": " (grouped(*count)) } {
                                span.sr[*count == 0] { (compact(*count)) }
                            }
                        }
                    } } }
                }
            }
        }
    }
}

/// The shade of a count: none for nothing, then by quarters of the most.
fn shade(count: u64, most: u64) -> usize {
    if count == 0 || most == 0 {
        return 0;
    }
    let quarters = (4.0 * count as f64 / most as f64).ceil();
    (quarters as usize).clamp(1, SHADES.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_go_by_quarters_of_the_most() {
        for (count, most, wanted) in [
            (0, 0, 0),
            (0, 9, 0),
            (1, 100, 1),
            (25, 100, 1),
            (26, 100, 2),
            (100, 100, 4),
            (u64::MAX, u64::MAX, 4),
            (1, u64::MAX, 1),
        ] {
            assert_eq!(shade(count, most), wanted, "{count} of {most}");
        }
    }
}
