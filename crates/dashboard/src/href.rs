//! Addresses of pages and of the API, with their parameters.

use form_urlencoded::Serializer;

use crate::limits;

/// The condition that leaves out what the audit system itself does: whoever looks adds to that.
pub const WITHOUT_SYSTEM: &str = "-trail:_system";

/// Parameters in their order; a name may stand more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// None.
    pub fn new() -> Params {
        Params::default()
    }

    /// Reads a query string or a form's body.
    pub fn parse(text: &str) -> Params {
        Params(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// With one more; an empty value is left out.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Params {
        let value = value.into();
        if !value.is_empty() {
            self.0.push((name.to_owned(), value));
        }
        self
    }

    /// With this one in place of all of its name; an empty value removes them.
    #[must_use]
    pub fn set(self, name: &str, value: impl Into<String>) -> Params {
        self.without(&[name]).with(name, value)
    }

    /// Without these.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Params {
        self.0.retain(|(name, _)| !names.contains(&name.as_str()));
        self
    }

    /// The first value of this name that is not empty.
    pub fn get<'a>(&'a self, name: &str) -> Option<&'a str> {
        self.pairs()
            .find(|(given, value)| *given == name && !value.is_empty())
            .map(|(_, value)| value)
    }

    /// All values of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// All of them.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// An address with these parameters.
    pub fn to(&self, path: &str) -> String {
        if self.0.is_empty() {
            return path.to_owned();
        }
        let pairs = self.0.iter();
        let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("{path}?{query}")
    }
}

/// A piece of a path, with nothing in it that could end it.
pub fn segment(text: &str) -> String {
    // A plus would be read as one in a path.
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The page of an event.
pub fn event(trail: &str, id: &str) -> String {
    Params::new().with("trail", trail).to(&format!("/events/{}", segment(id)))
}

/// A search for a query's text.
pub fn search(query: &str) -> String {
    Params::new().with("q", query).to("/")
}

/// A search for a query's text, what the audit system itself did among it.
pub fn search_all(query: &str) -> String {
    Params::new().with("q", query).with("system", "1").to("/")
}

/// A search for a text as it stands; none for one that is too long to be asked for.
pub fn search_text(text: &str) -> Option<String> {
    (text.len() <= limits::SEARCHED_BYTES_MAX).then(|| search(&quoted(text)))
}

/// A search for a value of a key.
pub fn search_for(key: &str, value: &str) -> String {
    search(&clause(key, value))
}

/// The page of a person, a service, whatever acts.
pub fn person(id: &str) -> String {
    match id {
        // A browser takes these for the way it came.
        "" | "." | ".." => Params(vec![("id".to_owned(), id.to_owned())]).to("/people"),
        _ => format!("/people/{}", segment(id)),
    }
}

/// The timeline of a resource.
pub fn resource_timeline(kind: &str, id: &str) -> String {
    Params::new().with("resource_type", kind).with("resource_id", id).to("/timeline")
}

/// The timeline of what belongs together.
pub fn correlation_timeline(id: &str) -> String {
    Params::new().with("correlation_id", id).to("/timeline")
}

/// The timeline of what acts.
pub fn actor_timeline(id: &str) -> String {
    Params::new().with("actor", id).to("/timeline")
}

/// `key:value` as the query language writes it: in quotes wherever a bare word could mean something else.
pub fn clause(key: &str, value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '@');
    let first = value.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    // Two dots are a range, and a slash at the front would be a regular expression.
    if first
        && value.chars().all(plain)
        && !value.contains("..")
        && !matches!(value, "OR" | "AND" | "NOT")
    {
        return format!("{key}:{value}");
    }
    format!("{key}:{}", quoted(value))
}

/// A text in quotes, which is searched for as it stands.
fn quoted(value: &str) -> String {
    let mut out = "\"".to_owned();
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_value_stays_in_it() {
        let params = Params::new().with("q", "a&b=c d+é\"").with("empty", "");
        assert_eq!(params.to("/"), "/?q=a%26b%3Dc+d%2B%C3%A9%22");
        assert_eq!(Params::parse("q=a%26b%3Dc+d%2B%C3%A9%22"), params);
        assert_eq!(segment("a/b c?d#e+é"), "a%2Fb%20c%3Fd%23e%2B%C3%A9");
        assert_eq!(params.set("q", "x").to("/"), "/?q=x");
        assert_eq!(person("a/.."), "/people/a%2F..");
        assert_eq!(person(".."), "/people?id=..");
    }

    #[test]
    fn values_are_quoted_where_they_must_be() {
        for (value, wanted) in [
            ("maria", "actor:maria"),
            ("a.b@example.com", "actor:a.b@example.com"),
            ("two words", "actor:\"two words\""),
            ("a*", "actor:\"a*\""),
            ("-x", "actor:\"-x\""),
            ("/x/", "actor:\"/x/\""),
            ("1..2", "actor:\"1..2\""),
            ("a\"b\\", "actor:\"a\\\"b\\\\\""),
            ("OR", "actor:\"OR\""),
            ("", "actor:\"\""),
        ] {
            assert_eq!(clause("actor", value), wanted);
        }
    }
}
