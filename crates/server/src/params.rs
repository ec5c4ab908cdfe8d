//! Query strings: what is not known is refused by name, and so is what stands twice.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use crate::limits;
use crate::problem::Problem;

/// The parameters of a request. A handler takes out what it knows; [`Params::finish`] refuses the rest.
#[derive(Debug, Default)]
pub struct Params {
    given: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl Params {
    /// Reads a query string.
    pub fn parse(query: &str) -> Result<Params, Problem> {
        let mut given = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            if given.len() == limits::PARAMS_MAX {
                let detail = format!("there are more than {} parameters", limits::PARAMS_MAX);
                return Err(Problem::bad_request(detail));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)
                .ok_or_else(|| Problem::bad_parameter(name, "its name is not UTF-8, %-encoded"))?;
            let value = decode(value).ok_or_else(|| {
                Problem::bad_parameter(&name, format!("{name} is not UTF-8, %-encoded"))
            })?;
            given.push((name, value));
        }
        Ok(Params { given, known: Vec::new() })
    }

    /// The value of a parameter that may stand once.
    pub fn one(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        let mut values = self.many(name);
        if values.len() > 1 {
            return Err(Problem::bad_parameter(name, format!("{name} is given more than once")));
        }
        Ok(values.pop())
    }

    /// The values of a parameter that may be repeated, in their order.
    pub fn many(&mut self, name: &'static str) -> Vec<String> {
        self.known.push(name);
        let (taken, left) =
            std::mem::take(&mut self.given).into_iter().partition(|(given, _)| given == name);
        self.given = left;
        let taken: Vec<(String, String)> = taken;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    /// The value as `read` understands it; `form` says what it must be.
    pub fn read<T>(
        &mut self,
        name: &'static str,
        form: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let bad = || Problem::bad_parameter(name, format!("{name} must be {form}"));
        read(&text).map(Some).ok_or_else(bad)
    }

    /// A number within bounds, both included.
    pub fn number(
        &mut self,
        name: &'static str,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<u64>, Problem> {
        let form = format!("a number from {} to {}", bounds.start(), bounds.end());
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        self.read(name, &form, |text| {
            digits(text).then(|| text.parse().ok()).flatten().filter(|n| bounds.contains(n))
        })
    }

    /// `true` or `false`.
    pub fn flag(&mut self, name: &'static str) -> Result<Option<bool>, Problem> {
        self.read(name, "true or false", |text| match text {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        })
    }

    /// Refuses what nobody took.
    pub fn finish(self) -> Result<(), Problem> {
        let Some((unknown, _)) = self.given.first() else { return Ok(()) };
        let known = self.known.join(", ");
        let shown: String = unknown.chars().take(64).collect();
        let detail = if known.is_empty() {
            format!("{shown} is not a parameter here; there are none")
        } else {
            format!("{shown} is not a parameter here; there are {known}")
        };
        let title = "A parameter is not known";
        Err(Problem::new(StatusCode::BAD_REQUEST, "unknown-parameter", title, detail)
            .with("parameter", shown))
    }
}

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Params, Problem> {
        Params::parse(parts.uri.query().unwrap_or_default())
    }
}

/// Undoes `application/x-www-form-urlencoded`; `None` where a % has no two digits, or it is not UTF-8.
fn decode(text: &str) -> Option<String> {
    let digit = |byte: u8| (byte as char).to_digit(16).map(|value| value as u8);
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let (high, low) = (digit(*bytes.get(at + 1)?)?, digit(*bytes.get(at + 2)?)?);
                out.push(high << 4 | low);
                at += 2;
            }
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_taken_once_and_the_rest_refused() {
        let mut params = Params::parse("q=a+b%2Bc&user_id=x&user_id=y&page=7&count=true").unwrap();
        assert_eq!(params.one("q").unwrap().as_deref(), Some("a b+c"));
        assert_eq!(params.many("user_id"), ["x", "y"]);
        assert_eq!(params.number("page", 1..=9).unwrap(), Some(7));
        assert_eq!(params.one("absent").unwrap(), None);
        let left = params.finish().unwrap_err();
        assert_eq!((left.kind(), left.status()), ("unknown-parameter", StatusCode::BAD_REQUEST));
        assert!(left.detail().starts_with("count is not a parameter here"), "{}", left.detail());
    }

    #[test]
    fn bad_values_name_their_parameter() {
        for (query, name) in [("q=%zz", "q"), ("q=%ff", "q"), ("q=%2", "q")] {
            let problem = Params::parse(query).unwrap_err();
            assert!(problem.detail().starts_with(name), "{}", problem.detail());
        }
        for query in
            ["n=0", "n=10", "n=-1", "n=+1", "n=x", "n=", "n=1&n=2", "n=99999999999999999999"]
        {
            assert!(Params::parse(query).unwrap().number("n", 1..=9).is_err(), "{query}");
        }
        let many = "a=1&".repeat(limits::PARAMS_MAX + 1);
        assert!(Params::parse(&many).is_err());
    }
}
