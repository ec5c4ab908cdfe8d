#![allow(clippy::unwrap_used, clippy::type_complexity, reason = "tests")]

use std::cell::Cell;
use std::net::IpAddr;

use proptest::prelude::*;
use serde_json::json;

use super::classify::Verb;
use super::client::{Cidr, client};
use super::{Exchange, HttpAudit, HttpAuditBuilder, Incoming, headers, route};
use crate::{Actor, Event, Outcome, Policy, Recorded, Recorder, Scope};

type Header<'a> = (&'a str, &'a [u8]);

fn lines<'a>(headers: &'a [Header<'a>]) -> impl Fn(&str, &mut dyn FnMut(&[u8])) + 'a {
    move |name, line| {
        headers.iter().filter(|(known, _)| *known == name).for_each(|(_, value)| line(value));
    }
}

/// What is recorded of a request that is answered with this status.
fn told(
    audit: &HttpAudit,
    (method, route, path): (&str, &str, &str),
    status: u16,
) -> Option<Recorded> {
    let route = (!route.is_empty()).then_some(route);
    ended(audit, (method, route, path), &[], |mut exchange| {
        exchange.answered(status);
        exchange.finish();
    })
}

fn ended(
    audit: &HttpAudit,
    (method, route, path): (&str, Option<&str>, &str),
    headers: &[Header<'_>],
    end: impl FnOnce(Exchange),
) -> Option<Recorded> {
    let recorder = Recorder::memory();
    let lines = lines(headers);
    let request = Incoming::new(method, path, &lines).route(route);
    end(audit.begin(&recorder, request)?);
    recorder.record(Event::new("the.end"));
    let mut events = recorder.events();
    assert_eq!(events.pop().unwrap().action(), "the.end");
    assert!(events.len() <= 1, "a request is recorded once: {events:?}");
    events.pop()
}

fn text(event: &Recorded, path: &str) -> String {
    event.get(path).and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

#[test]
fn each_answer_has_its_category_action_and_outcome() {
    let audit = HttpAudit::builder().record_reads(true).build().unwrap();
    let cases = [
        ("POST", "/login", 200, "login user.login success"),
        ("POST", "/api/v1/auth/login", 302, "login user.login success"),
        ("POST", "/login", 401, "login_failed user.login_failed denied"),
        ("POST", "/oauth/token", 400, "login_failed user.login_failed failure"),
        ("POST", "/signin/", 429, "login_failed user.login_failed failure"),
        ("POST", "/login", 500, "api_request_error login.create error"),
        ("GET", "/login", 200, "data_access login.read success"),
        ("GET", "/logout", 302, "logout user.logout success"),
        ("DELETE", "/session", 204, "logout user.logout success"),
        ("POST", "/users", 201, "user_created user.create success"),
        ("POST", "/users", 409, "api_request_error user.create failure"),
        ("POST", "/register", 201, "user_created user.register success"),
        ("GET", "/users", 403, "permission_denied permission.denied denied"),
        ("DELETE", "/admin/caches", 200, "admin_action cache.delete success"),
        ("DELETE", "/admin/caches", 401, "permission_denied permission.denied denied"),
        ("DELETE", "/admin/caches", 503, "admin_action cache.delete error"),
        ("DELETE", "/administrators", 200, "data_delete administrator.delete success"),
        ("PUT", "/settings", 200, "data_modify setting.update success"),
        ("PUT", "/config", 200, "data_modify config.update success"),
        ("PATCH", "/orders", 404, "api_request_error order.update failure"),
        ("POST", "/export", 200, "data_create http.post success"),
        ("POST", "/reports/export", 200, "data_create report.export success"),
        ("PROPFIND", "/dav", 207, "api_request http.other success"),
        ("GET", "/socket", 101, "api_request http.upgrade success"),
        ("GET", "/", 200, "data_access http.get success"),
        ("OPTIONS", "/users", 204, "data_access http.options success"),
    ];
    for (method, path, status, wanted) in cases {
        let event = told(&audit, (method, path, path), status).unwrap();
        let got = ["category", "action", "outcome"].map(|name| text(&event, name)).join(" ");
        // A login that fails by the server's fault has no better name.
        let wanted = wanted.replace("login.create", "http.post");
        assert_eq!(got, wanted, "{method} {path} {status}");
        assert_eq!(event.get("context.http.status"), Some(status.into()));
    }
}

#[test]
fn what_was_denied_says_what_was_tried() {
    let event = told(&HttpAudit::default(), ("DELETE", "/users/{id}", "/users/7"), 403).unwrap();
    assert_eq!(text(&event, "details.attempted"), "user.delete");
    assert_eq!(text(&event, "targets.0.id"), "7");
}

#[test]
fn reads_are_recorded_if_they_fail_or_somebody_wants_it() {
    let audit = HttpAudit::default();
    let read = |status| told(&audit, ("GET", "/users/{id}", "/users/7"), status);
    assert_eq!(read(200), None);
    assert_eq!(read(304), None);
    for status in [400, 401, 403, 404, 500] {
        assert!(read(status).is_some(), "{status}");
    }
    for method in ["HEAD", "OPTIONS", "TRACE"] {
        assert_eq!(told(&audit, (method, "/x", "/x"), 200), None, "{method}");
    }
    let rule = HttpAudit::builder().rule("GET", "/users/{id}", "data_access", "user.view");
    let event = told(&rule.build().unwrap(), ("GET", "/users/{id}", "/users/7"), 200).unwrap();
    assert_eq!(event.action(), "user.view");
}

#[test]
fn rules_name_what_succeeds_and_failures_keep_their_category() {
    let audit = HttpAudit::builder()
        .rule("POST", "/backups/{id}/restore", "admin_action", "backup.restore")
        .rule("*", "/pay/{id}", "payment", "payment.any")
        .build()
        .unwrap();
    let restore = |status| told(&audit, ("POST", "", "/backups/9/restore"), status).unwrap();
    let (fine, denied, failed) = (restore(200), restore(403), restore(500));
    assert_eq!((text(&fine, "category"), fine.action()), ("admin_action".into(), "backup.restore"));
    assert_eq!(text(&denied, "details.attempted"), "backup.restore");
    assert_eq!(text(&failed, "category"), "api_request_error");
    assert_eq!(failed.action(), "backup.restore");
    assert_eq!(told(&audit, ("GET", "/pay/{id}", "/pay/1"), 200).unwrap().action(), "payment.any");
}

#[test]
fn the_resource_is_the_last_parameter_of_the_route() {
    let cases = [
        ("GET", "/users/{id}", "/users/7", "user.read", "user/7"),
        (
            "DELETE",
            "/api/v1/users/{id}/posts/{post_id}",
            "/api/v1/users/7/posts/9",
            "post.delete",
            "post/9 user/7",
        ),
        ("POST", "/users/{id}/posts", "/users/7/posts", "post.create", "user/7"),
        ("POST", "/users/{id}/activate", "/users/7/activate", "user.activate", "user/7"),
        ("PUT", "/users/{id}/password", "/users/7/password", "user.password.update", "user/7"),
        ("PUT", "/repos/{owner}/{repo}", "/repos/ann/tool", "repo.update", "repo/tool repo/ann"),
        ("PUT", "/{tenant_id}", "/acme", "tenant.update", "tenant/acme"),
        ("PUT", "/files/{*path}", "/files/a/b%20c", "file.update", "file/a/b c"),
        (
            r"PUT",
            r"/user-groups/{id:\d{1,3}}",
            "/user-groups/12",
            "user_group.update",
            "user_group/12",
        ),
        ("PUT", "/files/{path:.*}", "/files/x/y", "file.update", "file/x/y"),
        ("PUT", "/users/:id", "/users/a%2Fb", "user.update", "user/a/b"),
        ("GET", "/v2/policies/{id}/", "/v2/policies/5/", "policy.read", "policy/5"),
        // What does not lie beside its template is not guessed.
        ("PUT", "/users/{id}", "/a/b/users/7", "user.update", ""),
        // Without a template, only what must be an id is one.
        ("PUT", "", "/users/7", "user.update", "user/7"),
        ("PUT", "", "/users/maria", "", ""),
        (
            "PUT",
            "",
            "/jobs/018f3a5e-7c1b-7d2e-9f00-0123456789ab/log",
            "job.log.update",
            "job/018f3a5e-7c1b-7d2e-9f00-0123456789ab",
        ),
    ];
    for (method, template, path, action, targets) in cases {
        let template = (!template.is_empty()).then_some(template);
        let deed = route::deed(Verb::of(method), template, path);
        assert_eq!(deed.action.unwrap_or_default(), action, "{method} {template:?} {path}");
        let told: Vec<_> = deed
            .targets
            .iter()
            .map(|target| serde_json::to_value(target).unwrap())
            .map(|t| format!("{}/{}", t["type"].as_str().unwrap(), t["id"].as_str().unwrap()))
            .collect();
        assert_eq!(told.join(" "), targets, "{method} {template:?} {path}");
    }
}

#[test]
fn a_path_nobody_serves_names_nothing() {
    let event = told(&HttpAudit::default(), ("GET", "", "/wp-admin/7/setup"), 404).unwrap();
    assert_eq!(event.action(), "http.get");
    assert_eq!(event.get("targets"), None);
    assert_eq!(text(&event, "context.http.path"), "/wp-admin/7/setup");
}

#[test]
fn singulars() {
    let pairs = [
        ("users", "user"),
        ("policies", "policy"),
        ("statuses", "status"),
        ("status", "status"),
        ("addresses", "address"),
        ("buses", "bus"),
        ("houses", "house"),
        ("databases", "database"),
        ("caches", "cache"),
        ("batches", "batch"),
        ("boxes", "box"),
        ("sizes", "size"),
        ("quizzes", "quiz"),
        ("movies", "movie"),
        ("people", "person"),
        ("access", "access"),
        ("analysis", "analysis"),
        ("news", "news"),
        ("user_groups", "user_group"),
        ("us", "us"),
        ("s", "s"),
        ("", ""),
    ];
    for (many, one) in pairs {
        assert_eq!(super::singular::singular(many), one);
    }
}

#[test]
fn queries_and_secret_parameters_stay_out_of_the_path() {
    let audit = HttpAudit::default();
    let event = told(&audit, ("POST", "/reset/{token}", "/reset/s3cret?code=1#x"), 200).unwrap();
    assert_eq!(text(&event, "context.http.path"), "/reset/{token}");
    assert!(!event.json().to_string().contains("s3cret"), "{}", event.json());
    let event = told(&audit, ("DELETE", "/tokens/{token_id}", "/tokens/9"), 200).unwrap();
    assert_eq!(text(&event, "targets.0.id"), "9");
    assert!(
        !told(&audit, ("POST", "/x", "/x?password=p"), 200)
            .unwrap()
            .json()
            .to_string()
            .contains("password")
    );
}

#[test]
fn excluded_paths_are_those_and_no_others() {
    let audit = HttpAudit::builder().exclude("/static/*").exclude("*/ping").build().unwrap();
    let told = |path| told(&audit, ("POST", "", path), 500).is_some();
    for path in [
        "/health",
        "/healthz",
        "/metrics",
        "/favicon.ico",
        "/static/a/b",
        "/static",
        "/a/PING",
        "/health/",
        "/health?x",
    ] {
        assert!(!told(path), "{path}");
    }
    for path in [
        "/healthy",
        "/health/x",
        "/staticx",
        "/static/../users",
        "/static/%2E%2e/users",
        "/static/..%2fusers",
        "/pings",
        "/a/health",
    ] {
        assert!(told(path), "{path}");
    }
    let all = HttpAudit::builder().exclude_nothing().build().unwrap();
    assert!(self::told(&all, ("GET", "", "/health"), 500).is_some());
}

#[test]
fn bad_settings_are_told_with_their_text() {
    let broken: [(&str, fn(HttpAuditBuilder) -> HttpAuditBuilder); 7] = [
        ("10.0.0.0/33", |b| b.trusted_proxies(["10.0.0.0/33"])),
        ("10.0.0.1/8", |b| b.trusted_proxies(["::1", "10.0.0.1/8"])),
        ("proxy", |b| b.trusted_proxies(["proxy"])),
        ("10.0.0.0/+8", |b| b.trusted_proxies(["10.0.0.0/+8"])),
        ("static", |b| b.exclude("static")),
        ("X Y", |b| b.correlation_header("X Y")),
        ("/a/*/b", |b| b.login_route("/a/*/b")),
    ];
    for (text, set) in broken {
        let error = set(HttpAudit::builder()).build().unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
    let _ =
        HttpAudit::builder().exclude("/*").trusted_proxies(["0.0.0.0/0", "::/0"]).build().unwrap();
}

fn client_of(peer: &str, trusted: &[&str], headers: &[Header<'_>]) -> String {
    let trusted: Vec<_> = trusted.iter().map(|range| Cidr::parse(range).unwrap()).collect();
    let peer: IpAddr = peer.parse().unwrap();
    client(Some(peer), &trusted, None, &lines(headers)).unwrap().to_string()
}

#[test]
fn the_client_is_the_last_that_trusted_proxies_vouch_for() {
    let trusted = ["10.0.0.0/8", "fd00::/8"];
    let via =
        |header: &str| client_of("10.0.0.1", &trusted, &[("x-forwarded-for", header.as_bytes())]);
    assert_eq!(client_of("192.0.2.9", &trusted, &[("x-forwarded-for", b"1.1.1.1")]), "192.0.2.9");
    assert_eq!(client_of("10.0.0.1", &trusted, &[]), "10.0.0.1");
    assert_eq!(via("192.0.2.1"), "192.0.2.1");
    assert_eq!(via("6.6.6.6, 192.0.2.1 , 10.0.0.7"), "192.0.2.1");
    assert_eq!(via("10.0.0.3, 10.0.0.2"), "10.0.0.3");
    assert_eq!(via("192.0.2.1:443"), "192.0.2.1");
    assert_eq!(via("[2001:db8::1]:443"), "2001:db8::1");
    assert_eq!(via("2001:db8::1, fd00::5"), "2001:db8::1");
    assert_eq!(via("::ffff:192.0.2.1"), "192.0.2.1");
    // What is left of garbage was written by nobody who is trusted.
    assert_eq!(via("192.0.2.1, unknown, 10.0.0.2"), "10.0.0.2");
    assert_eq!(via(""), "10.0.0.1");
    assert_eq!(via("192.0.2.1,"), "10.0.0.1");
    assert_eq!(
        client_of("::ffff:10.0.0.1", &trusted, &[("x-forwarded-for", b"192.0.2.1")]),
        "192.0.2.1"
    );
    let two: [Header<'_>; 2] =
        [("x-forwarded-for", b"6.6.6.6, 192.0.2.1"), ("x-forwarded-for", b"10.9.9.9")];
    assert_eq!(client_of("10.0.0.1", &trusted, &two), "192.0.2.1");
}

#[test]
fn forwarded_counts_where_the_older_header_is_missing() {
    let trusted = ["10.0.0.0/8"];
    let via = |headers: &[Header<'_>]| client_of("10.0.0.1", &trusted, headers);
    let element = b"for=6.6.6.6;proto=http, For=\"[2001:db8::1]:4711\";by=10.0.0.2, for=10.0.0.3";
    assert_eq!(via(&[("forwarded", element)]), "2001:db8::1");
    assert_eq!(via(&[("forwarded", b"for=192.0.2.1, for=_hidden")]), "10.0.0.1");
    assert_eq!(
        via(&[("forwarded", b"for=192.0.2.1"), ("x-forwarded-for", b"192.0.2.2")]),
        "192.0.2.2"
    );
    let audit = HttpAudit::builder().trusted_proxies(trusted).client_address_header("Forwarded");
    let (audit, recorder) = (audit.build().unwrap(), Recorder::memory());
    let headers = [("forwarded", &b"for=192.0.2.1"[..]), ("x-forwarded-for", b"6.6.6.6")];
    let lines = lines(&headers);
    let request = Incoming::new("POST", "/x", &lines).peer("10.0.0.1".parse().ok());
    drop(audit.begin(&recorder, request));
    assert_eq!(text(&recorder.events()[0], "context.ip"), "192.0.2.1");
}

#[test]
fn traceparent_is_taken_strictly() {
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parse = |text: &str| headers::traceparent(&lines(&[("traceparent", text.as_bytes())]));
    let good = format!("00-{trace}-b7ad6b7169203331-01");
    assert_eq!(parse(&good), Some((trace.into(), "b7ad6b7169203331".into())));
    assert!(parse(&format!("01-{trace}-b7ad6b7169203331-01-more")).is_some());
    for bad in [
        format!("{good}-more"),
        format!("ff-{trace}-b7ad6b7169203331-01"),
        format!("00-{}-b7ad6b7169203331-01", trace.to_uppercase()),
        format!("00-{trace}-0000000000000000-01"),
        format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
        format!("00-{trace}-b7ad6b7169203331"),
        format!("00-{trace}-b7ad6b7169203331-1"),
        format!(" {good}"),
        String::new(),
    ] {
        assert_eq!(parse(&bad), None, "{bad}");
    }
    let twice = [("traceparent", good.as_bytes()), ("traceparent", good.as_bytes())];
    assert_eq!(headers::traceparent(&lines(&twice)), None);
}

#[test]
fn ids_are_taken_over_or_made() {
    let audit = HttpAudit::default();
    let recorder = Recorder::memory();
    let correlation = |value: &[u8]| {
        let headers = [("x-correlation-id", value), ("x-request-id", value)];
        let lines = lines(&headers);
        let exchange = audit.begin(&recorder, Incoming::new("POST", "/x", &lines)).unwrap();
        exchange.correlation_id().into_owned()
    };
    assert_eq!(correlation(b"order-17"), "order-17");
    assert_eq!(correlation(&[b'a'; 128]), "a".repeat(128));
    for bad in [&b""[..], &[b'a'; 129], b"a b", b"a\r\nb", "ä".as_bytes(), b"\xff"] {
        let made = correlation(bad);
        assert_eq!(made.len(), 36, "{made}");
    }
    let events = recorder.events();
    assert_eq!(text(&events[0], "context.request_id"), "order-17");
    assert_eq!(events[2].get("context.request_id"), None);
}

#[test]
fn a_user_agent_is_cut_between_characters() {
    let agent = format!("x{}", "ä".repeat(400));
    let headers: [Header<'_>; 1] = [("user-agent", agent.as_bytes())];
    let kept = headers::user_agent(&lines(&headers)).unwrap();
    assert_eq!(kept, format!("x{}", "ä".repeat(255)));
    assert_eq!(headers::user_agent(&lines(&[("user-agent", b"a\xffb")])).unwrap(), "a\u{fffd}b");
}

#[test]
fn what_handlers_note_comes_first() {
    let audit = HttpAudit::default();
    let read = ("GET", Some("/users/{id}"), "/users/7");
    let event = ended(&audit, read, &[], |mut exchange| {
        let notes = exchange.notes().clone();
        notes.action("user.view").category("data_export").target("person", "p-7").actor("maria");
        notes.detail("rows", 3).before(json!({"a": 1})).outcome(Outcome::Denied);
        exchange.answered(200);
        exchange.finish();
    });
    let event = event.unwrap();
    assert_eq!(event.action(), "user.view");
    assert_eq!(text(&event, "outcome"), "denied");
    assert_eq!(event.get("targets"), Some(json!([{"type": "person", "id": "p-7"}])));
    assert_eq!(event.get("changes.before.a"), Some(1.into()));
    assert_eq!(text(&event, "actor.id"), "maria");
    let skipped = |status| {
        ended(&audit, ("POST", None, "/x"), &[], |mut exchange| {
            exchange.notes().skip();
            exchange.answered(status);
            exchange.finish();
        })
    };
    assert_eq!(skipped(200), None);
    assert!(skipped(500).is_some());
}

#[test]
fn an_actor_who_becomes_known_is_that_of_what_follows_at_once() {
    let recorder = Recorder::memory();
    let lines = lines(&[]);
    let mut exchange =
        HttpAudit::default().begin(&recorder, Incoming::new("POST", "/x", &lines)).unwrap();
    let notes = exchange.notes().clone();
    exchange.within(|| {
        recorder.record(Event::new("before"));
        notes.identify(Actor::user("maria")).trail("acme");
        recorder.record(Event::new("after"));
    });
    assert!(Scope::current().is_none(), "nothing surrounds what comes after the request");
    exchange.within(|| recorder.record(Event::new("later")));
    exchange.answered(200);
    exchange.finish();
    let events = recorder.events();
    let actors: Vec<_> = events.iter().map(|event| text(event, "actor.id")).collect();
    assert_eq!(actors, ["", "maria", "maria", "maria"]);
    assert_eq!(text(&events[3], "trail"), "acme");
    let ids: Vec<_> = events.iter().map(|e| text(e, "context.correlation_id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0] && !id.is_empty()));
}

#[test]
fn whatever_ends_it_is_told() {
    let audit = HttpAudit::default();
    let read = ("GET", Some("/x"), "/x");
    let ended = |end: fn(Exchange)| ended(&audit, read, &[], end).unwrap();
    let said = |event: &Recorded| (text(event, "outcome"), text(event, "error.code"));
    assert_eq!(said(&ended(drop)), ("unknown".into(), "client_gone".into()));
    assert_eq!(said(&ended(Exchange::fail)), ("error".into(), "service_error".into()));
    let event = ended(|mut exchange| {
        exchange.answered(200);
        exchange.expects(Some(10));
        exchange.sent(7);
    });
    assert_eq!(said(&event), ("unknown".into(), "client_gone".into()));
    assert_eq!(event.get("details.response_bytes"), Some(7.into()));
    let event = ended(|mut exchange| {
        let work = std::panic::AssertUnwindSafe(|| exchange.within(|| panic!("a test of panics")));
        assert!(std::panic::catch_unwind(work).is_err());
        assert!(Scope::current().is_none());
    });
    assert_eq!(said(&event), ("error".into(), "panic".into()));
}

#[test]
fn an_answer_that_was_sent_whole_is_complete_though_nobody_said_so() {
    let audit = HttpAudit::builder().record_reads(true).build().unwrap();
    for (method, status, expected, sent) in
        [("GET", 200, Some(5), 5), ("HEAD", 200, Some(9), 0), ("GET", 204, None, 0)]
    {
        let event = ended(&audit, (method, None, "/x"), &[], |mut exchange| {
            exchange.answered(status);
            exchange.expects(expected);
            exchange.sent(sent);
        });
        assert_eq!(text(&event.unwrap(), "outcome"), "success", "{method} {status}");
    }
}

#[test]
fn grpc_tells_its_outcome_in_its_own_status() {
    let audit = HttpAudit::default();
    let call = |path: &'static str, status: &'static [u8]| {
        let kind: [Header<'_>; 1] = [("content-type", b"application/grpc+proto")];
        ended(&audit, ("POST", None, path), &kind, |mut exchange| {
            exchange.answered(200);
            exchange.grpc_status(status);
            exchange.finish();
        })
    };
    let event = call("/shop.v1.OrderService/CancelOrder", b"0").unwrap();
    assert_eq!(event.action(), "order.cancel_order");
    assert_eq!(text(&event, "category"), "api_request");
    assert_eq!(text(&event, "context.http.route"), "/shop.v1.OrderService/CancelOrder");
    assert_eq!(text(&call("/a.B/DeleteX", b"0").unwrap(), "category"), "data_delete");
    assert_eq!(call("/a.B/GetX", b"0"), None);
    let denied = call("/a.B/GetX", b"7").unwrap();
    assert_eq!((text(&denied, "outcome"), denied.action()), ("denied".into(), "permission.denied"));
    assert_eq!(text(&call("/a.B/GetX", b"13").unwrap(), "outcome"), "error");
    assert_eq!(text(&call("/a.B/GetX", b"5").unwrap(), "outcome"), "failure");
    assert_eq!(text(&call("/a.B/GetX", b"?").unwrap(), "outcome"), "error");
}

#[test]
fn who_says_grpc_to_anything_else_changes_nothing() {
    let audit = HttpAudit::default();
    let kind: [Header<'_>; 1] = [("content-type", b"application/grpc")];
    for (method, category, action) in
        [("DELETE", "data_delete", "file.delete"), ("POST", "data_create", "file.create")]
    {
        for route in [Some("/files/{name}"), None] {
            let event = ended(&audit, (method, route, "/files/get-rich"), &kind, |mut exchange| {
                exchange.answered(200);
                exchange.finish();
            });
            let event = event.expect("a client cannot have its deed taken for a read");
            assert_eq!(text(&event, "category"), category);
            assert_eq!(text(&event, "context.http.route"), route.unwrap_or_default());
            if route.is_some() {
                assert_eq!(
                    (event.action(), text(&event, "targets.0.id").as_str()),
                    (action, "get-rich")
                );
            }
        }
    }
}

#[test]
fn no_client_chooses_to_be_sampled_away() {
    let audit = HttpAudit::builder().trusted_proxies(["10.0.0.0/8"]).build().unwrap();
    let recorded = |peer: Option<&str>, id: &[u8]| {
        let recorder = Recorder::memory_with(|builder| {
            builder.policy(Policy::default().sampling("data_modify", 0.0))
        });
        let headers = [("x-correlation-id", id)];
        let lines = lines(&headers);
        let peer = peer.map(|peer| peer.parse().unwrap());
        let request = Incoming::new("PUT", "/users/7", &lines).peer(peer);
        let mut exchange = audit.begin(&recorder, request).unwrap();
        exchange.within(|| recorder.record(Event::new("user.pay").category("data_modify")));
        exchange.answered(200);
        exchange.finish();
        recorder.events().iter().filter(|event| event.action() != "audit.loss").count()
    };
    assert_eq!(recorded(Some("192.0.2.1"), b"chosen"), 2);
    assert_eq!(recorded(None, b"chosen"), 2);
    assert_eq!(recorded(Some("::ffff:10.0.0.1"), b"chosen"), 0);
    assert_eq!(recorded(Some("192.0.2.1"), b""), 0);
}

#[test]
fn a_secret_of_the_path_is_known_however_it_is_spelled() {
    let audit = HttpAudit::default();
    let path = |route| {
        let event = told(&audit, ("POST", route, "/resets/s3cr3t"), 200).unwrap();
        (text(&event, "context.http.path"), text(&event, "targets.0.id"))
    };
    for route in ["/resets/{resetToken}", "/resets/{TOKEN}", "/resets/{apiKey}"] {
        assert!(!format!("{:?}", path(route)).contains("s3cr3t"), "{route}");
    }
    assert_eq!(path("/resets/{tokenId}"), ("/resets/s3cr3t".into(), "s3cr3t".into()));
}

#[test]
fn what_surrounds_whoever_ends_a_request_is_not_its_own() {
    let recorder = Recorder::memory();
    let lines = lines(&[]);
    let request = Incoming::new("POST", "/x", &lines);
    let exchange = HttpAudit::default().begin(&recorder, request).unwrap();
    exchange.notes().note(|event| event.with_context(|c| c.session_id = Some("s-1".into())));
    let around = Scope { actor: Some(Actor::user("janitor")), ..Scope::default() };
    around.run(|| drop(exchange));
    let event = &recorder.events()[0];
    assert_eq!(event.get("actor"), None);
    assert_eq!(text(event, "context.session_id"), "s-1");
    assert_eq!(text(event, "context.http.path"), "/x");
}

#[test]
fn what_is_noted_while_another_note_is_made_is_not_lost() {
    let event = ended(&HttpAudit::default(), ("GET", None, "/x"), &[], |mut exchange| {
        let notes = exchange.notes().clone();
        notes.detail("first", 1).note(|event| {
            notes.detail("inner", 2).target("file", "f-1").action("file.read");
            event.detail("outer", 3)
        });
        exchange.answered(200);
        exchange.finish();
    });
    let event = event.unwrap();
    assert_eq!(event.get("details"), Some(json!({"first": 1, "inner": 2, "outer": 3})));
    assert_eq!((event.action(), text(&event, "targets.0.id").as_str()), ("file.read", "f-1"));
}

#[test]
fn coverage_counts_routes_and_whether_they_record() {
    let recorder = Recorder::memory();
    let audit = HttpAudit::builder().routes([("PUT", "/never")]).build().unwrap();
    audit.declare(&recorder);
    for (method, route, path) in [
        ("GET", Some("/a/{id}"), "/a/1"),
        ("GET", Some("/a/{id}"), "/a/2"),
        ("PUT", Some("/b"), "/b"),
        ("GET", None, "/made-up"),
    ] {
        let lines = lines(&[]);
        let mut exchange =
            audit.begin(&recorder, Incoming::new(method, path, &lines).route(route)).unwrap();
        exchange.answered(200);
        exchange.finish();
    }
    let counts: Vec<_> = recorder
        .coverage()
        .routes()
        .into_iter()
        .map(|r| (r.route, r.requests, r.recorded))
        .collect();
    assert_eq!(counts, [("/a/{id}".into(), 2, 0), ("/b".into(), 1, 1), ("/never".into(), 0, 0)]);
    assert_eq!(recorder.coverage().forgotten().len(), 2);
}

#[test]
fn a_trail_is_named_by_a_function_that_may_panic() {
    let named = HttpAudit::builder()
        .trail_from(|request| {
            let tenant = request.header("x-tenant")?;
            assert_ne!(tenant, "boom", "a test of panics");
            Some(tenant.into())
        })
        .build()
        .unwrap();
    let trail = |value: &[u8]| {
        let event = ended(&named, ("POST", None, "/x"), &[("x-tenant", value)], drop);
        event.unwrap().get("trail")
    };
    assert_eq!(trail(b"acme"), Some("acme".into()));
    assert_eq!(trail(b"boom"), None);
}

#[test]
fn no_bytes_of_a_caller_make_it_panic_or_cost_the_event() {
    let settings = HttpAudit::builder().record_reads(true).trusted_proxies(["0.0.0.0/0"]);
    let (audit, recorder) = (settings.build().unwrap(), Recorder::memory());
    let begun = Cell::new(0);
    let path = || prop_oneof!["\\PC{0,80}", "(/[a-z0-9%{}:*.-]{0,8}){0,8}"];
    let value = proptest::collection::vec(any::<u8>(), 0..200);
    proptest!(|(
        method in "\\PC{0,40}",
        path in path(),
        template in proptest::option::of(path()),
        value in value,
        status in 0_u16..1_100,
    )| {
        let all = |_: &str, line: &mut dyn FnMut(&[u8])| {
            line(&value);
            line(&value);
        };
        let peer = "192.0.2.1".parse().ok();
        let request = Incoming::new(&method, &path, &all).route(template.as_deref()).peer(peer);
        if let Some(mut exchange) = audit.begin(&recorder, request) {
            prop_assert!(exchange.correlation_id().bytes().all(|byte| byte.is_ascii_graphic()));
            exchange.answered(status);
            exchange.finish();
            begun.set(begun.get() + 1);
        }
    });
    assert_eq!(recorder.events().len(), begun.get());
    assert_eq!(recorder.losses(), []);
}

proptest! {
    #[test]
    fn forwarded_addresses_are_read_as_they_are_written(parts in proptest::collection::vec(any::<[u8; 4]>(), 0..6)) {
        let list: Vec<_> = parts.iter().map(|p| IpAddr::from(*p).to_string()).collect();
        let list = list.join(",");
        let wanted = parts.iter().rev().find(|p| p[0] != 10).or(parts.first()).map_or([10, 0, 0, 1], |p| *p);
        prop_assert_eq!(
            client_of("10.0.0.1", &["10.0.0.0/8"], &[("x-forwarded-for", list.as_bytes())]),
            IpAddr::from(wanted).to_string()
        );
    }
}
