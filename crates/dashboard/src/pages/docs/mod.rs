//! The HTTP API for people: its own description, shown. Also for who is not signed in.

mod operation;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::Value;

use self::operation::Operation;
use crate::href::Params;
use crate::page::{Nav, Page};
use crate::visit::{Api, Problem, Visit};

pub fn routes() -> Router<Api> {
    Router::new().route("/api/docs", get(docs))
}

async fn docs(visit: Visit) -> Response {
    let page = page(&visit).await;
    visit.answer(page)
}

async fn page(visit: &Visit) -> Result<Page, Problem> {
    let api: Value = visit.get("/api/openapi.json", &Params::new()).await?;
    let groups = groups(&api);
    let body = html! {
        div.docs {
            (head(&api, visit))
            div.docs-cols {
                nav #contents aria-label="Operations" {
                    p #narrow-docs hidden {
                        label.sr for="docs-filter" { "Only operations with" }
                        input #docs-filter type="search" placeholder="Filter: a path, a word" autocomplete="off";
                    }
                    p #docs-none.quiet hidden { "None has that." }
                    @for (tag, operations) in &groups { (contents(tag, operations)) }
                }
                div { @for (tag, operations) in &groups { (group(tag, operations)) } }
            }
        }
    };
    Ok(Page::new("The HTTP API", Nav::None, body).with(&["settings.js"]))
}

fn head(api: &Value, visit: &Visit) -> Markup {
    let version = api["info"]["version"].as_str().unwrap_or_default();
    html! {
        h1 { "The HTTP API" @if !version.is_empty() { " " span.quiet.small { (version) } } }
        @if visit.me.is_err() { p { a href="/login" { "Sign in" } " to look around in the pages." } }
        p { "JSON in, JSON out; " code { "gzip" } " and " code { "zstd" } " both ways. For machines: "
            a href="/api/openapi.json" { "openapi.json" } " (OpenAPI 3.1)." }
        p { "Send an API key, or a JWT where the node takes some, with each request:" }
        pre tabindex="0" { code { "export INDELIBLE_URL=" (visit.origin()) " INDELIBLE_KEY=idl_…\n"
            "curl -H \"Authorization: Bearer $INDELIBLE_KEY\" \"$INDELIBLE_URL/api/audit/logs\"" } }
        p { "Errors are RFC 9457: " code { "application/problem+json" } " with " code { "type" } ", " code { "title" } ", " code { "status" } " and " code { "detail" }
            ". What a credential may not see does not exist for it (404); what its role may not do is refused (403). Parameters that are not known are refused by name." }
    }
}

type Group<'a> = (&'a Value, Vec<Operation<'a>>);

fn groups(api: &Value) -> Vec<Group<'_>> {
    let of = |tag: &'_ Value| -> Vec<Operation<'_>> {
        let paths = api["paths"].as_object().into_iter().flatten();
        let all = paths.flat_map(|(path, methods)| {
            let methods = methods.as_object().into_iter().flatten();
            methods.map(move |(method, json)| Operation { method, path, json })
        });
        all.filter(|operation| operation.json["tags"][0] == *tag).collect()
    };
    let tags = api["tags"].as_array().into_iter().flatten();
    tags.map(|tag| (tag, of(&tag["name"]))).filter(|(_, of)| !of.is_empty()).collect()
}

fn contents(tag: &Value, operations: &[Operation<'_>]) -> Markup {
    html! {
        section data-group {
            h2 { (operation::text(&tag["description"])) }
            ul { @for of in operations {
                li data-operation=(of.words()) { a href={"#" (of.anchor())} { (of.badge()) " " code { (of.path) } } }
            } }
        }
    }
}

fn group(tag: &Value, operations: &[Operation<'_>]) -> Markup {
    html! {
        section data-group {
            h2 { (operation::text(&tag["description"])) }
            @for of in operations { (of.markup()) }
        }
    }
}
