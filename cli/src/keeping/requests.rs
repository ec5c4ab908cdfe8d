//! `indelible hold`, `purge`, `requests`, `confirm` and `withdraw`

use indelible_client::path_segment;
use serde_json::{Value, json};

use super::answers::{Asked, Me};
use super::shown::{As, Fact};
use super::{list as listed, places, print, secret, session, tell_asked};
use crate::args::{Confirm, Global, HoldCommand, HoldCreate, Purge, Requests, Withdraw};
use crate::ask::Params;
use crate::ask::source::read;
use crate::failure::Failure;
use crate::look::clean;
use crate::out::{self, Out};

const HOLDS: &str = "/api/holds";
const REQUESTS: &str = "/api/requests";

const HOLD: [Fact; 7] = [
    Fact("/id", "ID", As::Text),
    Fact("/name", "NAME", As::Text),
    Fact("/query", "HOLDS", As::Text),
    Fact("/reason", "WHY", As::Text),
    Fact("/owner", "OWNER", As::Text),
    Fact("/created_at", "SINCE", As::Time),
    Fact("/released_at", "RELEASED", As::Time),
];
const REQUEST: [Fact; 7] = [
    Fact("/id", "ID", As::Text),
    Fact("/kind", "WHAT", As::Text),
    Fact("/state", "STATE", As::Text),
    Fact("/requested_by", "BY", As::Text),
    Fact("/requested_at", "ASKED", As::Time),
    Fact("/expires_at", "UNTIL", As::Time),
    Fact("/ended_by", "ENDED BY", As::Text),
];

pub fn hold(global: &Global, out: &mut Out, command: &HoldCommand) -> Result<(), Failure> {
    match command {
        HoldCommand::Create(args) => create(global, out, args),
        HoldCommand::List(args) => {
            let answer = session(global, &args.at, |session| session.get(HOLDS, &Params::new()))?;
            let count = listed(out, &answer, "holds", &args.shape, &HOLD)?;
            tell_none(out, count, "nothing is held");
            Ok(())
        }
        HoldCommand::Release(args) => {
            let path = format!("{HOLDS}/{}", path_segment(&args.id));
            session(global, &args.at, |session| session.delete(&path, &Params::new()))?;
            if out.is_json() {
                return out.object(&json!({"id": args.id, "released": true}));
            }
            out.line(format_args!("hold {} is released", clean(&args.id)))
        }
    }
}

fn create(global: &Global, out: &mut Out, args: &HoldCreate) -> Result<(), Failure> {
    let query = args.query.join(" ").trim().to_owned();
    let made = session(global, &args.at, |session| {
        let owner = match &args.owner {
            Some(owner) => owner.clone(),
            None => session.ask::<Me>("/api/me")?.name(),
        };
        let name = args.name.as_ref().unwrap_or(&query);
        let new = json!({"query": query, "reason": args.reason, "name": name, "owner": owner});
        session.post_query(HOLDS, &new, Some(&query))
    })?;
    if out.is_json() {
        return print(out, &made);
    }
    let made: Value = read(&made)?;
    let id = made["id"].as_str().unwrap_or_default();
    out.line(format_args!("hold {}", clean(id)))?;
    out.flush()?;
    out::note(format_args!(
        "what it matches does not expire until `indelible hold release` lets go of it"
    ));
    Ok(())
}

pub fn purge(global: &Global, out: &mut Out, args: &Purge) -> Result<(), Failure> {
    let mut new = json!({"until": args.until, "reason": args.reason});
    if let Some(class) = &args.class {
        new["class"] = class.as_str().into();
    }
    if let Some(query) = &args.query {
        new["query"] = query.as_str().into();
    }
    let answer = session(global, &args.at, |session| {
        session.post_query("/api/purges", &new, args.query.as_deref())
    })?;
    if out.is_json() {
        return print(out, &answer);
    }
    tell_asked(out, &args.at, &read::<Asked>(&answer)?, "")
}

pub fn list(global: &Global, out: &mut Out, args: &Requests) -> Result<(), Failure> {
    let answer = session(global, &args.at, |session| session.get(REQUESTS, &Params::new()))?;
    let count = listed(out, &answer, "requests", &args.shape, &REQUEST)?;
    tell_none(out, count, "nothing waits for anybody");
    Ok(())
}

pub fn confirm(global: &Global, out: &mut Out, args: &Confirm) -> Result<(), Failure> {
    let mut body = json!({});
    if let Some(subject) = &args.subject {
        body["subject"] = secret(subject)?.into();
    }
    if let Some(resource) = &args.resource {
        body["resource"] = secret(resource)?.into();
    }
    if !args.event.is_empty() {
        body["ids"] = args.event.iter().map(String::as_str).collect();
    }
    if !args.spool.is_empty() {
        body["spools"] = places(&args.spool, &args.at, global)?;
    }
    let path = format!("{REQUESTS}/{}/confirm", path_segment(&args.id));
    let answer = session(global, &args.at, |session| session.post(&path, &body))?;
    if out.is_json() {
        return print(out, &answer);
    }
    out.line(format_args!("request {} is confirmed and done", clean(&args.id)))
}

pub fn withdraw(global: &Global, out: &mut Out, args: &Withdraw) -> Result<(), Failure> {
    let path = format!("{REQUESTS}/{}", path_segment(&args.id));
    session(global, &args.at, |session| session.delete(&path, &Params::new()))?;
    if out.is_json() {
        return out.object(&json!({"id": args.id, "withdrawn": true}));
    }
    out.line(format_args!("request {} is withdrawn", clean(&args.id)))
}

fn tell_none(out: &Out, count: usize, what: &str) {
    if count == 0 && !out.is_json() {
        out::note(format_args!("{what}"));
    }
}
