//! Bars over time, each made of layers.

use maud::{Markup, html};

use super::{axis_end, compact, percent};
use crate::text::grouped;

/// How high the bars' ground is, and the line of times below it.
const PLOT: u32 = 160;
const TICKS: u32 = 20;
/// How wide the numbers beside it are.
const AXIS: u32 = 40;
/// How much of its place a bar fills, in percent.
const FILLED: f64 = 82.0;
/// Beyond it a time would be cut off at the right edge, in percent.
const TICK_LAST: f64 = 89.0;
/// The least that is seen of a layer with anything in it, in percent.
const SEEN: f64 = 0.8;

/// One of the layers of every bar.
pub struct Layer {
    /// Its colour's class.
    pub class: &'static str,
    /// What it is called.
    pub name: &'static str,
}

/// A bar.
#[derive(Debug)]
pub struct Bar {
    /// What it stands for.
    pub label: String,
    /// What stands below it, if anything.
    pub tick: Option<String>,
    /// Where it leads.
    pub href: Option<String>,
    /// How much of each layer, from the bottom up.
    pub counts: Vec<u64>,
}

impl Bar {
    fn sum(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }
}

/// Bars side by side. `id` is unique on the page; `of` heads the table's first column.
pub fn stacked(id: &str, title: &str, of: &str, layers: &[Layer], bars: &[Bar]) -> Markup {
    let end = axis_end(bars.iter().map(Bar::sum).max().unwrap_or_default());
    let total = bars.iter().fold(0_u64, |sum, bar| sum.saturating_add(bar.sum()));
    html! {
        figure.chart id=(id) {
            figcaption {
                h2.chart-title { (title) }
                @if layers.len() > 1 {
                    span.legend { @for layer in layers {
                        span.mark { svg class={"swatch " (layer.class)} width="10" height="10" aria-hidden="true" { rect width="10" height="10" rx="2" {} } (layer.name) }
                    } }
                }
            }
            @if total == 0 {
                p.quiet.nothing { "Nothing in this time." }
            } @else {
                (drawing(layers, bars, end))
                (table(of, layers, bars))
            }
        }
    }
}

fn drawing(layers: &[Layer], bars: &[Bar], end: u64) -> Markup {
    let step = 100.0 / bars.len().max(1) as f64;
    let width = step * FILLED / 100.0;
    html! {
        div.plot aria-hidden="true" {
            svg.axis width=(AXIS) height=(PLOT + TICKS) focusable="false" {
                @for (y, value) in [(10, end), (PLOT / 2 + 4, end / 2), (PLOT, 0)] {
                    text x=(AXIS - 6) y=(y) text-anchor="end" { (compact(value)) }
                }
            }
            svg.bars width="100%" height=(PLOT + TICKS) focusable="false" {
                svg width="100%" height=(PLOT) {
                    @for y in ["0.5", "50%", "100%"] { line.grid x1="0" x2="100%" y1=(y) y2=(y) {} }
                    @for (place, bar) in bars.iter().enumerate() {
                        @let from = step * place as f64;
                        (linked(bar, html! {
                            title { (said(layers, bar)) }
                            rect.hit x=(part(from)) width=(part(step)) y="0" height="100%" {}
                            @for (layer, y, height) in stack(layers, bar, end) {
                                rect class=(layer.class) x=(part(from + (step - width) / 2.0)) width=(part(width)) y=(part(y)) height=(part(height)) {}
                            }
                        }))
                    }
                }
                @for (place, bar) in bars.iter().enumerate() {
                    @let x = step * place as f64;
                    @if let Some(tick) = bar.tick.as_ref().filter(|_| x <= TICK_LAST) {
                        line.tick x1=(part(x)) x2=(part(x)) y1=(PLOT) y2=(PLOT + 5) {}
                        text x=(part(x)) y=(PLOT + 16) dx="1" { (tick) }
                    }
                }
            }
        }
    }
}

/// The layers of a bar that have anything, from the bottom up: where each begins, and how high it is.
pub(super) fn stack<'a>(layers: &'a [Layer], bar: &Bar, end: u64) -> Vec<(&'a Layer, f64, f64)> {
    let mut top = 100.0;
    let mut out = Vec::with_capacity(layers.len());
    for (layer, count) in layers.iter().zip(&bar.counts).filter(|(_, count)| **count > 0) {
        let height = percent(*count, end).max(SEEN);
        top = f64::max(top - height, 0.0);
        out.push((layer, top, height));
    }
    out
}

/// A share as an attribute takes it.
fn part(percent: f64) -> String {
    format!("{}%", (percent * 1_000.0).round() / 1_000.0)
}

/// Not reached by the tab key: the table has the same links.
fn linked(bar: &Bar, inner: Markup) -> Markup {
    html! {
        @if let Some(href) = &bar.href { a href=(href) tabindex="-1" { (inner) } } @else { g { (inner) } }
    }
}

fn said(layers: &[Layer], bar: &Bar) -> String {
    let mut out = format!("{}: {}", bar.label, grouped(bar.sum()));
    if layers.len() > 1 {
        for (layer, count) in layers.iter().zip(&bar.counts).filter(|(_, count)| **count > 0) {
            out.push_str(&format!("\n{} {}", grouped(*count), layer.name));
        }
    }
    out
}

fn table(of: &str, layers: &[Layer], bars: &[Bar]) -> Markup {
    html! {
        details.data {
            summary { "The numbers as a table" }
            div.wide tabindex="0" role="group" aria-label="Numbers" { table {
                thead { tr {
                    th scope="col" { (of) }
                    @if layers.len() > 1 { th.n scope="col" { "All" } }
                    @for layer in layers { th.n scope="col" { (layer.name) } }
                } }
                tbody { @for bar in bars.iter().filter(|bar| bar.sum() > 0) { tr {
                    th scope="row" { @if let Some(href) = &bar.href { a href=(href) { (bar.label) } } @else { (bar.label) } }
                    @if layers.len() > 1 { td.n { (grouped(bar.sum())) } }
                    @for count in &bar.counts { td.n { (grouped(*count)) } }
                } } }
            } }
        }
    }
}
