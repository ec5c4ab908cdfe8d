//! Paths and parameters as they stand in a request line.

/// Path and parameters, percent-encoded (RFC 3986).
///
/// The path is taken as it is, so whoever puts a foreign text into it encodes that with [`path_segment`].
pub fn path_and_query(path: &str, params: &[(String, String)]) -> String {
    let mut text = String::from(path);
    for (i, (name, value)) in params.iter().enumerate() {
        text.push(if i == 0 { '?' } else { '&' });
        encode(&mut text, name);
        text.push('=');
        encode(&mut text, value);
    }
    text
}

/// A text as one segment of a path.
pub fn path_segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    encode(&mut encoded, text);
    encoded
}

fn encode(to: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            to.push(char::from(byte));
        } else {
            to.push('%');
            for digit in [byte >> 4, byte & 15] {
                to.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_but_the_unreserved_is_encoded() {
        let params = [("q".to_owned(), "actor:\"ä b\"&x=1".to_owned())];
        assert_eq!(
            path_and_query("/api/audit/logs", &params),
            "/api/audit/logs?q=actor%3A%22%C3%A4%20b%22%26x%3D1"
        );
        assert_eq!(path_and_query("/x", &[]), "/x");
        assert_eq!(path_segment("a/b?c"), "a%2Fb%3Fc");
    }
}
