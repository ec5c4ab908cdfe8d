//! What other pages say of connections: nothing, unless somebody has to look.

use maud::{Markup, html};

use super::model::{Trouble, is_red};
use super::{HERE, address, all};
use crate::pages::overview::failed;
use crate::visit::Visit;
use crate::{limits, text};

/// The connections that do not work, for those who may know of them.
pub async fn red(visit: &Visit) -> Markup {
    if !visit.me.as_ref().is_ok_and(|me| me.may_audit()) {
        return html! {};
    }
    let all = match all(visit).await {
        Ok(all) => all,
        Err(problem) if matches!(problem.status, 403 | 404) => return html! {},
        Err(problem) => return failed(&problem),
    };
    let inputs = all.inputs.iter().map(|one| {
        let place = HERE.to_owned();
        ("Input", &one.name, &one.state, one.trouble.as_ref(), place)
    });
    let streams = all
        .streams
        .iter()
        .map(|one| ("Stream", &one.name, &one.state, one.trouble.as_ref(), address(&one.name)));
    let red: Vec<_> = inputs.chain(streams).filter(|(_, _, state, ..)| is_red(state)).collect();
    let Some(more) = red.len().checked_sub(limits::RED_SHOWN) else {
        return notice(&red, 0);
    };
    notice(&red[..limits::RED_SHOWN], more)
}

type Red<'a> = (&'static str, &'a String, &'a String, Option<&'a Trouble>, String);

fn notice(red: &[Red<'_>], more: usize) -> Markup {
    if red.is_empty() {
        return html! {};
    }
    html! {
        section #red-connections.notice.bad role="alert" {
            h2 { "Connections that do not work" }
            ul { @for (what, name, state, trouble, place) in red { li {
                (what) " " a href=(place) { (text::short(name)) } " is " (text::short(state))
                @if let Some(trouble) = trouble { ": " (text::short_to(&trouble.message, limits::OPEN_CHARS_MAX)) }
            } } }
            @if more > 0 { p { "And " (text::counted(more as u64, "other", "others")) "." } }
            p { a href=(HERE) { "All connections" } }
        }
    }
}
