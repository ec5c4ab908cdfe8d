//! What HTTP middleware says of a request for which it knows no better word than its method.

use super::{Ending, Told, ending};
use crate::Event;
use crate::limits::{KIND_CHARS_MAX, PATH_CHARS_MAX};
use crate::text::shown;

/// The event, if its action is one of these: `http.get`, `http.upgrade`.
pub(super) fn told(event: &Event, action: &str) -> Option<Told> {
    let word = action.strip_prefix("http.").filter(|word| !word.contains('.'))?;
    let http = event.context.as_ref().and_then(|context| context.http.as_ref());
    let cut = |text: &Option<String>, max| shown(text.as_deref()?, max);
    let path = http.and_then(|http| {
        cut(&http.path, PATH_CHARS_MAX).or_else(|| cut(&http.route, PATH_CHARS_MAX))
    });
    let method = http
        .and_then(|http| cut(&http.method, KIND_CHARS_MAX))
        .or_else(|| shown(word, KIND_CHARS_MAX).map(|word| word.to_ascii_uppercase()))?;
    let mut told = match word {
        "upgrade" => {
            Told { joint: Some(" to "), ..Told::new("open a connection", "opened a connection") }
        }
        _ => Told::new(format!("request {method}"), format!("requested {method}")),
    };
    if let Some(path) = path {
        let joint = if word == "upgrade" { " to " } else { " " };
        told.base.push_str(&format!("{joint}{path}"));
        told.past.push_str(&format!("{joint}{path}"));
        told.joint = None;
    }
    told.reason = http.and_then(|http| http.status).map(|status| status.to_string());
    // Whoever asked did ask, however it was answered.
    if ending(event) == Ending::Failed {
        told.base = told.past.clone();
        told.ending = Some(Ending::Done);
        told.more = ", and failed".into();
        told.reason = told.reason.or_else(|| super::reason(event));
    }
    Some(told)
}
