//! One operation of the API's description.

use maud::{Markup, html};
use serde_json::Value;

use crate::href::Params;

/// One operation.
pub struct Operation<'a> {
    /// In lower case, as the description has it.
    pub method: &'a str,
    /// With its parameters in braces.
    pub path: &'a str,
    /// What is said of it.
    pub json: &'a Value,
}

impl Operation<'_> {
    /// Where it stands in the page.
    pub fn anchor(&self) -> String {
        let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let text: String = format!("{} {}", self.method, self.path).chars().map(word).collect();
        text.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
    }

    /// What the filter looks at.
    pub fn words(&self) -> String {
        format!("{} {} {}", self.method, self.path, text(&self.json["summary"])).to_lowercase()
    }

    pub fn badge(&self) -> Markup {
        html! { span class={"method " (self.method)} { (self.method.to_uppercase()) } }
    }

    pub fn markup(&self) -> Markup {
        let anchor = self.anchor();
        html! {
            article.panel id=(anchor) data-operation=(self.words()) {
                h3 { a href={"#" (anchor)} { (self.badge()) " " code { (self.path) } } }
                p { (prose(text(&self.json["summary"]))) }
                @for paragraph in text(&self.json["description"]).split("\n\n").filter(|p| !p.is_empty()) { p { (prose(paragraph)) } }
                (self.parameters())
                h4 { "Example" }
                pre tabindex="0" { code { (self.curl()) } }
                (self.answers())
            }
        }
    }

    fn parameters(&self) -> Markup {
        let all = self.json["parameters"].as_array();
        let Some(all) = all.filter(|all| !all.is_empty()) else { return html! {} };
        let table = html! {
            table.stack { thead { tr { th { "Parameter" } th { "What it says" } th { "Example" } } }
                tbody { @for parameter in all { tr {
                    td data-label="Parameter" { code { (text(&parameter["name"])) }
                        @if parameter["required"] == true && parameter["in"] != "path" { " " span.quiet { "required" } } }
                    td data-label="What it says" { (prose(text(&parameter["description"]))) }
                    td data-label="Example" { @if let Some(example) = example_of(parameter) { code { (example) } } @else { span.quiet { "–" } } }
                } } }
            }
        };
        let count = all.len();
        html! {
            @if count > 6 { details.params { summary { (count) " parameters" } (table) } } @else { (table) }
        }
    }

    /// The request as `curl` makes it.
    fn curl(&self) -> String {
        let mut path = self.path.to_owned();
        let mut query = Params::new();
        let parameters = || self.json["parameters"].as_array().into_iter().flatten();
        for parameter in parameters() {
            let name = text(&parameter["name"]);
            let Some(example) = example_of(parameter) else { continue };
            match text(&parameter["in"]) {
                "path" => path = path.replace(&format!("{{{name}}}"), &example),
                _ if parameter["required"] == true => query = query.with(name, example),
                _ => {}
            }
        }
        if query.pairs().next().is_none() && self.method == "get" {
            let first = parameters().find(|of| of["in"] == "query" && example_of(of).is_some());
            if let Some(first) = first {
                query = query.with(text(&first["name"]), example_of(first).unwrap_or_default());
            }
        }
        let open = self.json["security"]
            .as_array()
            .is_some_and(|of| of.contains(&Value::Object(Default::default())));
        let auth = if open { "" } else { "-H \"Authorization: Bearer $INDELIBLE_KEY\" " };
        let method = match self.method {
            "get" | "post" => String::new(),
            other => format!("-X {} ", other.to_uppercase()),
        };
        let body =
            self.request().map(|body| format!(" \\\n  -d '{}'", body.replace('\'', "'\\''")));
        let post = if self.method == "post" && body.is_none() { "-X POST " } else { "" };
        let address = query.to(&path);
        format!(
            "curl {method}{post}{auth}\"$INDELIBLE_URL\"'{address}'{}",
            body.unwrap_or_default()
        )
    }

    fn request(&self) -> Option<String> {
        let content = self.json["requestBody"]["content"].as_object()?;
        let example = content.values().find_map(|of| of.get("example"))?;
        Some(example.as_str().map_or_else(|| example.to_string(), str::to_owned))
    }

    fn answers(&self) -> Markup {
        let all = self.json["responses"].as_object();
        html! {
            h4 { "Answers" }
            dl.answers { @for (status, answer) in all.into_iter().flatten() {
                div { dt { code { (status) } } dd { (prose(text(&answer["description"])))
                    @for (kind, content) in answer["content"].as_object().into_iter().flatten() {
                        @if let Some(example) = content.get("example") {
                            pre tabindex="0" { code data-kind=(kind) { (pretty(example)) } }
                        }
                    }
                } }
            } }
        }
    }
}

fn example_of(parameter: &Value) -> Option<String> {
    let given = [&parameter["example"], &parameter["schema"]["example"]];
    let example = given.into_iter().find(|example| !example.is_null())?;
    let example = example.as_array().and_then(|many| many.first()).unwrap_or(example);
    Some(example.as_str().map_or_else(|| example.to_string(), str::to_owned))
}

fn pretty(example: &Value) -> String {
    match example.as_str() {
        Some(text) => text.to_owned(),
        None => serde_json::to_string_pretty(example).unwrap_or_default(),
    }
}

/// A member's text.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A text whose code stands in backticks.
fn prose(text: &str) -> Markup {
    html! {
        @for (at, piece) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_shown_as_curl_makes_it() {
        let json = serde_json::json!({
            "parameters": [
                {"name": "id", "in": "path", "example": "17"},
                {"name": "q", "in": "query", "example": "actor:maria action:x"},
            ],
            "responses": {},
        });
        let operation = Operation { method: "get", path: "/api/x/{id}", json: &json };
        assert_eq!(operation.anchor(), "get-api-x-id");
        let auth = "-H \"Authorization: Bearer $INDELIBLE_KEY\"";
        let wanted =
            format!("curl {auth} \"$INDELIBLE_URL\"'/api/x/17?q=actor%3Amaria+action%3Ax'");
        assert_eq!(operation.curl(), wanted);
    }

    #[test]
    fn nothing_in_a_body_leaves_its_quotes() {
        let json = serde_json::json!({
            "security": [{}],
            "requestBody": {"content": {"application/json": {"example": {"name": "it's"}}}},
        });
        let operation = Operation { method: "put", path: "/x", json: &json };
        let wanted = "curl -X PUT \"$INDELIBLE_URL\"'/x' \\\n  -d '{\"name\":\"it'\\''s\"}'";
        assert_eq!(operation.curl(), wanted);
    }
}
