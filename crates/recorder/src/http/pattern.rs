//! Patterns of paths, and rules for routes.

use crate::event::Text;

/// Which paths are meant: `/health` (that path), `/static/*` (everything beneath it), `*/login` (every path that ends so).
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Exact(String),
    Beneath(String),
    Ends(String),
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Pattern, &'static str> {
        let (text, kind): (&str, fn(String) -> Pattern) = match text.strip_prefix('*') {
            Some(end) => (end, Pattern::Ends),
            None => match text.strip_suffix("/*") {
                // It is every path.
                Some("") => return Ok(Pattern::Beneath(String::new())),
                Some(front) => (front, Pattern::Beneath),
                None => (text, Pattern::Exact),
            },
        };
        if !text.starts_with('/') {
            return Err("a path begins with /, or with */ if only its end matters");
        }
        if text.contains(['*', '?', '#']) {
            return Err("a * stands only as the first or as the last segment");
        }
        Ok(kind(text.to_owned()))
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        match self {
            Pattern::Exact(whole) => trimmed(path) == trimmed(whole),
            // What a proxy or a handler would resolve to another place is not left out as this one.
            Pattern::Beneath(front) => is_beneath(path, front) && !climbs(path),
            Pattern::Ends(end) => {
                let (path, end) = (trimmed(path).as_bytes(), end.as_bytes());
                let from = path.len().checked_sub(end.len());
                from.is_some_and(|from| path[from..].eq_ignore_ascii_case(end))
            }
        }
    }
}

/// Whether a path is that of a prefix or lies below it; `/administrators` is not below `/admin`.
pub(super) fn is_beneath(path: &str, front: &str) -> bool {
    path.strip_prefix(front).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn climbs(path: &str) -> bool {
    let dots = |segment: &str| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == ".." || plain == "."
    };
    path.split(['/', '\\']).any(dots) || path.to_ascii_lowercase().contains("%2f")
}

/// A path without the slash at its end, which most routers do not care about.
pub(super) fn trimmed(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

/// What somebody wants a route to be told as.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// None is every method.
    pub(super) method: Option<String>,
    pub(super) route: String,
    pub(super) category: Text,
    pub(super) action: Text,
}

impl Rule {
    pub(super) fn matches(&self, method: &str, route: Option<&str>, path: &str) -> bool {
        let method = self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method));
        method
            && match route {
                Some(route) => trimmed(route) == trimmed(&self.route),
                None => super::route::fits(&self.route, path),
            }
    }
}
