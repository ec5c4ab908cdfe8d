//! Every operation × credential × tenant: who may, what the others are told, and that nobody sees what is not theirs.

use std::io::{Read as _, Write as _};

use crate::node::{Answer, bearer, split};
use crate::operations::{Rule, asks};
use crate::world::{BANK, SHOP, Tenant, Who, World};

/// A stream does not end: its answer up to this text, or up to its end where there is an end.
fn stream(world: &World, who: &Who, path: &str, until: &str) -> Answer {
    let mut stream = world.node.connect();
    let auth = who.key.as_deref().map(|key| format!("{}\r\n", bearer(key))).unwrap_or_default();
    let head = format!("GET {path} HTTP/1.1\r\nHost: node\r\n{auth}Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let len = stream.read(&mut chunk).unwrap();
        bytes.extend_from_slice(&chunk[..len]);
        let text = String::from_utf8_lossy(&bytes);
        if len == 0 || text.contains(until) {
            return split(&bytes);
        }
    }
}

#[test]
fn every_operation_is_for_whom_it_is_for_and_shows_what_is_theirs() {
    let world = World::new();
    let operations = world.operations();
    assert!(operations.len() >= 20, "{operations:?}");
    let mut made = 0;
    for (method, path) in &operations {
        let operation = format!("{method} {path}");
        for tenant in [&SHOP, &BANK] {
            for who in &world.who {
                let spare = spare(&world);
                let asks = asks(&operation, tenant, &spare).unwrap_or_else(|| {
                    panic!("{operation} has no place in the table of operations")
                });
                for ask in asks {
                    made += 1;
                    let expected = ask.expected(who, tenant);
                    let what = format!("{} {method} {} {}", who.name, ask.path, ask.body);
                    let answer = if path.ends_with("/stream") && expected == 200 {
                        stream(&world, who, &ask.path, last_of(who, tenant, ask.rule))
                    } else {
                        world.ask(who, method, &ask.path, &ask.body)
                    };
                    check(&what, who, expected, &answer, ask.rule == Rule::Open);
                }
            }
        }
    }
    assert!(made > 500, "only {made} requests");
    world.assert_unharmed();
}

/// The id of a key that nobody uses, for the operation that revokes one.
fn spare(world: &World) -> String {
    let key = world.node.key("reader", Some(&["shop"]));
    // The public id stands in front of the secret.
    key["idl_".len()..][..16].to_owned()
}

/// What the last event of all that a stream shows has in it: by then, whatever is not theirs would have come.
fn last_of(who: &Who, tenant: &Tenant, rule: Rule) -> &'static str {
    match (rule, who.bound) {
        (Rule::ReadsTrail, _) if tenant.trail == "bank" => "\"trail\":\"bank\",\"seq\":4,",
        (_, Some("bank")) => "\"trail\":\"bank\",\"seq\":4,",
        _ => "\"trail\":\"shop\",\"seq\":6,",
    }
}

fn check(what: &str, who: &Who, expected: u16, answer: &Answer, open: bool) {
    let text = String::from_utf8_lossy(&answer.body);
    let repeated = expected == 0 && [200, 201].contains(&answer.status);
    assert!(repeated || answer.status == expected, "{what}: {} {text}", answer.status);
    if expected >= 400 {
        let kind = &answer.headers["content-type"];
        let refused_events = expected == 400 && kind == "application/json";
        // Doors that others' clients know refuse in the form that these know.
        let theirs = what.contains("/v1/logs") || what.contains("/_bulk");
        let said = if theirs { "application/json" } else { "application/problem+json" };
        assert!(refused_events || kind == said, "{what}: {kind}");
    }
    assert_eq!(answer.headers.contains_key("www-authenticate"), expected == 401, "{what}");
    for tenant in [&SHOP, &BANK].into_iter().filter(|tenant| !who.may_read(tenant)) {
        assert!(!text.contains(tenant.marker), "{what} shows {}: {text}", tenant.marker);
        // A name that the request has in it, and that is said back, is no news; the description has it as an example.
        assert!(
            open || what.contains(tenant.trail) || !text.contains(tenant.trail),
            "{what}: {text}"
        );
    }
}
