//! An event's details as a tree, each value leading to a search for it.

use maud::{Markup, html};
use serde_json::value::RawValue;

use super::json::{self, Shape};
use crate::{href, limits, text};

pub fn section(details: &RawValue) -> Markup {
    let mut tree = Tree { left: limits::TREE_NODES_MAX };
    let place =
        Place { path: Some("details".to_owned()), pointer: "/details".to_owned(), depth: 0 };
    let body = match json::shape(details) {
        Shape::Object(members) if members.is_empty() => return html! {},
        shape => tree.value(shape, &place),
    };
    html! {
        section #details.panel aria-labelledby="details-title" {
            h2 #details-title { "Details" }
            (body)
            @if tree.left == 0 { p.quiet { "The rest is in the raw JSON." } }
        }
    }
}

struct Tree {
    /// How many values may still be shown.
    left: usize,
}

/// Where a value stands.
struct Place {
    /// For the query language: the items of a list have the path of the list. None where a name cannot be written.
    path: Option<String>,
    /// For the comparison with what is proven.
    pointer: String,
    depth: usize,
}

impl Place {
    fn member(&self, name: &str) -> Place {
        let plain = !name.is_empty()
            && name.len() <= 64
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        let path = self.path.as_ref().filter(|_| plain).map(|path| format!("{path}.{name}"));
        let pointer = format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1"));
        Place { path, pointer, depth: self.depth + 1 }
    }

    fn item(&self, at: usize) -> Place {
        let pointer = format!("{}/{at}", self.pointer);
        Place { path: self.path.clone(), pointer, depth: self.depth + 1 }
    }
}

impl Tree {
    fn value(&mut self, shape: Shape<'_>, place: &Place) -> Markup {
        match shape {
            Shape::Object(members) if members.is_empty() => html! { code.plain { "{}" } },
            Shape::List(items) if items.is_empty() => html! { code.plain { "[]" } },
            Shape::Object(members) => {
                let count = members.len();
                let rows =
                    self.rows(members.into_iter().map(|(name, raw)| {
                        (html! { (text::short(&name)) }, place.member(&name), raw)
                    }));
                folded(place, count, "member", "members", &rows)
            }
            Shape::List(items) => {
                let count = items.len();
                let rows = self.rows(
                    items
                        .into_iter()
                        .enumerate()
                        .map(|(at, raw)| (html! { span.quiet { (at) } }, place.item(at), raw)),
                );
                folded(place, count, "item", "items", &rows)
            }
            Shape::Text(inner) => leaf(place, &inner, true),
            Shape::Plain(plain) => leaf(place, plain, false),
        }
    }

    fn rows<'a>(&mut self, mut all: impl Iterator<Item = (Markup, Place, &'a RawValue)>) -> Markup {
        html! {
            dl.tree {
                @for (name, place, raw) in all.by_ref().take(limits::TREE_MEMBERS_MAX) {
                    @if self.left > 0 {
                        @let () = self.left -= 1;
                        div { dt { (name) } dd { (self.value(json::shape(raw), &place)) } }
                    }
                }
            }
            // One long list must not hide what stands beside it.
            @let more = all.count();
            @if more > 0 { p.quiet { "And " (text::grouped(more as u64)) " more, in the raw JSON." } }
        }
    }
}

/// The outermost value stands open; inner ones where they are small.
fn folded(place: &Place, count: usize, one: &str, many: &str, rows: &Markup) -> Markup {
    if place.depth == 0 {
        return rows.clone();
    }
    html! {
        details open[count <= limits::TREE_OPEN_MAX] {
            summary.quiet { (text::counted(count as u64, one, many)) }
            (rows)
        }
    }
}

fn leaf(place: &Place, value: &str, is_text: bool) -> Markup {
    if value.is_empty() {
        return html! { span.quiet { "empty text" } };
    }
    let short = value.chars().count() <= limits::OPEN_CHARS_MAX;
    // How a number is written is what counts, and that is lost to whoever compares by value.
    let compared = short && (is_text || matches!(value, "true" | "false"));
    let shown = html! {
        @if is_text { span data-pointer=[compared.then_some(&place.pointer)] { (text::whole(value)) } }
        @else { code.plain data-pointer=[compared.then_some(&place.pointer)] { (text::short_to(value, limits::OPEN_CHARS_MAX)) } }
    };
    match place.path.as_ref().filter(|_| short) {
        Some(path) => {
            html! { a.value-link href=(href::search_for(path, value)) title="Search for this" { (shown) } }
        }
        None => shown,
    }
}
