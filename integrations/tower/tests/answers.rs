//! What is recorded of requests that are answered.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use axum::routing::{any, delete, get, post, put};
use indelible_recorder::{Actor, Event, Recorder, assert_recorded};
use indelible_tower::{Audit, AuditLayer, AuditUser, HttpAudit};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::site::{Site, header, text};

fn app() -> Router {
    Router::new()
        .route("/users/{id}", get(async || "maria").delete(async || StatusCode::NO_CONTENT))
        .route("/users/{id}/posts/{post_id}", put(async || "ok"))
        .route("/denied", get(async || StatusCode::FORBIDDEN))
        .route("/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/login", post(async || StatusCode::UNAUTHORIZED))
        .route("/socket", get(async || StatusCode::SWITCHING_PROTOCOLS))
        .route("/health", any(async || StatusCode::SERVICE_UNAVAILABLE))
}

#[tokio::test]
async fn a_request_tells_who_what_and_from_where() {
    let site = Site::open(app()).await;
    let headers = "user-agent: probe/1\r\nx-request-id: r-1\r\nx-correlation-id: c-1\r\n\
         traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    let answer = site.ask("PUT", "/users/7/posts/9?token=secret", headers).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"), "{answer}");
    let event = &site.events()[0];
    assert_eq!(event.action(), "post.update");
    assert_eq!(
        event.get("targets"),
        Some(json!([{"type": "post", "id": "9"}, {"type": "user", "id": "7"}]))
    );
    let mut context = event.get("context").unwrap();
    let took = context["http"].as_object_mut().unwrap().remove("duration_ms").unwrap();
    assert!(took.as_f64().unwrap() > 0.0);
    let wanted = json!({
        "ip": "127.0.0.1", "user_agent": "probe/1", "request_id": "r-1", "correlation_id": "c-1",
        "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331",
        "http": {"method": "PUT", "path": "/users/7/posts/9", "route": "/users/{id}/posts/{post_id}", "status": 200}
    });
    assert_eq!(context, wanted);
}

#[tokio::test]
async fn reads_are_recorded_only_where_they_fail() {
    let site = Site::open(app()).await;
    for path in ["/users/7", "/denied", "/broken", "/nowhere", "/health"] {
        site.ask("GET", path, "").await;
    }
    site.ask("OPTIONS", "/users/7", "").await;
    let told: Vec<_> =
        site.events().iter().map(|e| (text(e, "context.http.path"), text(e, "outcome"))).collect();
    let pair = |path: &str, outcome: &str| (path.to_owned(), outcome.to_owned());
    let wanted = [
        pair("/denied", "denied"),
        pair("/broken", "error"),
        pair("/nowhere", "failure"),
        pair("/users/7", "failure"),
    ];
    assert_eq!(told, wanted);
    let site = Site::with(app(), HttpAudit::builder().record_reads(true).build().unwrap()).await;
    site.ask("GET", "/users/7", "").await;
    site.ask("HEAD", "/users/7", "").await;
    assert_recorded!(
        site.recorder,
        action = "user.read",
        outcome = "success",
        "context.http.method" = "GET"
    );
    assert_recorded!(
        site.recorder,
        action = "user.read",
        outcome = "success",
        "context.http.method" = "HEAD"
    );
}

#[tokio::test]
async fn upgrades_are_recorded_as_they_begin() {
    let site = Site::open(app()).await;
    let mut stream = site.connect().await;
    let request =
        b"GET /socket HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let event = site.ended().await;
    assert_eq!((event.action(), text(&event, "outcome")), ("http.upgrade", "success".into()));
}

#[tokio::test]
async fn the_correlation_id_comes_back_or_a_good_one_in_its_place() {
    let site = Site::open(app()).await;
    let echoed = site.ask("DELETE", "/users/1", "X-Correlation-ID: order-17\r\n").await;
    assert_eq!(header(&echoed, "x-correlation-id"), Some("order-17"));
    let long = format!("x-correlation-id: {}\r\n", "a".repeat(129));
    for bad in [
        "x-correlation-id: a b\r\n",
        "x-correlation-id: \u{e4}\r\n",
        "x-correlation-id:\r\n",
        &long,
        "",
    ] {
        let answer = site.ask("DELETE", "/users/1", bad).await;
        let made = header(&answer, "x-correlation-id").unwrap();
        assert_eq!(made.len(), 36, "{bad:?}: {made}");
        let told = site.events();
        assert_eq!(text(told.last().unwrap(), "context.correlation_id"), made);
    }
    // A read has one, too, though it is not recorded.
    assert!(header(&site.ask("GET", "/users/1", "").await, "x-correlation-id").is_some());
}

#[tokio::test]
async fn only_trusted_proxies_are_believed() {
    let site = Site::open(app()).await;
    site.ask("DELETE", "/users/1", "x-forwarded-for: 6.6.6.6\r\n").await;
    assert_eq!(text(&site.events()[0], "context.ip"), "127.0.0.1");
    let audit = HttpAudit::builder().trusted_proxies(["127.0.0.0/8"]).build().unwrap();
    let site = Site::with(app(), audit).await;
    site.ask(
        "DELETE",
        "/users/1",
        "x-forwarded-for: 6.6.6.6, 192.0.2.1\r\nx-forwarded-for: 127.0.0.9\r\n",
    )
    .await;
    assert_eq!(text(&site.events()[0], "context.ip"), "192.0.2.1");
}

#[tokio::test]
async fn handlers_add_what_only_they_know() {
    let app = Router::new().route(
        "/reports/{id}",
        get(async |audit: Audit| {
            audit.action("report.view").actor("maria").target("report", "r-1").detail("rows", 3);
            "report"
        }),
    );
    let site = Site::open(app.route("/plain", get(async |_: Audit| ""))).await;
    site.ask("GET", "/reports/1", "").await;
    site.ask("GET", "/plain", "").await;
    assert_eq!(site.events().len(), 1, "an extractor that says nothing has nothing recorded");
    assert_recorded!(
        site.recorder,
        action = "report.view",
        actor = "maria",
        target = "report/r-1",
        "details.rows" = 3
    );
}

#[tokio::test]
async fn what_a_handler_records_belongs_to_its_request() {
    let recorder = Recorder::memory();
    let inner = recorder.clone();
    let handler = async move |audit: Audit| {
        audit.identify("maria");
        inner.record(Event::new("first"));
        tokio::task::yield_now().await;
        inner.record(Event::new("second"));
    };
    let app = Router::new().route("/x", post(handler)).layer(AuditLayer::new(recorder.clone()));
    let site = Site::serve(recorder, app).await;
    site.ask("POST", "/x", "x-correlation-id: c-9\r\n").await;
    let events = site.events();
    assert_eq!(events.len(), 3);
    for event in &events {
        let said = ["actor.id", "context.ip", "context.correlation_id", "context.http.route"]
            .map(|p| text(event, p));
        assert_eq!(said, ["maria", "127.0.0.1", "c-9", "/x"], "{}", event.action());
    }
}

#[tokio::test]
async fn users_are_named_from_without_and_from_within() {
    let mark = async |mut request: Request, next: Next| {
        request.extensions_mut().insert(AuditUser(Actor::user("outer")));
        next.run(request).await
    };
    let recorder = Recorder::memory();
    let app = app().layer(AuditLayer::new(recorder.clone())).layer(middleware::from_fn(mark));
    let site = Site::serve(recorder, app).await;
    site.ask("DELETE", "/users/1", "").await;
    assert_recorded!(site.recorder, action = "user.delete", actor = "outer");
    let told = async |request: Request, next: Next| {
        let mut response = next.run(request).await;
        response.extensions_mut().insert(AuditUser(Actor::user("inner")));
        response
    };
    let site = Site::open(app_with(told)).await;
    site.ask("DELETE", "/users/1", "").await;
    assert_recorded!(site.recorder, action = "user.delete", actor = "inner");
}

fn app_with<F>(middleware: impl Fn(Request, Next) -> F + Clone + Send + Sync + 'static) -> Router
where
    F: Future<Output = axum::response::Response> + Send + 'static,
{
    app().layer(middleware::from_fn(middleware))
}

#[tokio::test]
async fn of_two_layers_the_outer_one_records_and_the_inner_one_knows_the_route() {
    let recorder = Recorder::memory();
    let layer = AuditLayer::new(recorder.clone());
    let inner = Router::new().nest("/api", app()).layer(layer.clone());
    // A fallback is no route: what is around it sees requests before they are routed.
    let app = Router::new().fallback_service(inner).layer(layer);
    let site = Site::serve(recorder, app).await;
    site.ask("DELETE", "/api/users/7", "").await;
    assert_eq!(site.events().len(), 1);
    assert_recorded!(site.recorder, target = "user/7", "context.http.route" = "/api/users/{id}");
}

#[tokio::test]
async fn the_extractor_tells_the_route_to_a_layer_that_is_too_far_out() {
    let recorder = Recorder::memory();
    let inner = Router::new().route("/x/{token}", post(async |_: Audit| ""));
    let app = Router::new().fallback_service(inner).layer(AuditLayer::new(recorder.clone()));
    let site = Site::serve(recorder, app).await;
    site.ask("POST", "/x/secret", "").await;
    assert_recorded!(
        site.recorder,
        "context.http.route" = "/x/{token}",
        "context.http.path" = "/x/{token}"
    );
}

#[tokio::test]
async fn a_route_layer_leaves_out_what_no_route_takes() {
    let recorder = Recorder::memory();
    let app = app().route_layer(AuditLayer::new(recorder.clone()));
    let site = Site::serve(recorder, app).await;
    site.ask("DELETE", "/nowhere", "").await;
    site.ask("DELETE", "/users/7", "").await;
    assert_eq!(site.events().len(), 1);
    assert_recorded!(site.recorder, "context.http.route" = "/users/{id}");
}

#[tokio::test]
async fn coverage_shows_the_routes_that_never_record() {
    let audit = HttpAudit::builder().routes([("POST", "/forgotten")]).build().unwrap();
    let site = Site::with(app(), audit).await;
    site.ask("GET", "/users/7", "").await;
    site.ask("DELETE", "/users/7", "").await;
    site.ask("GET", "/made/up", "").await;
    let routes = |routes: Vec<indelible_recorder::Route>| -> Vec<_> {
        routes.into_iter().map(|r| (r.method, r.route, r.requests, r.recorded)).collect()
    };
    let known = |method: &str, route: &str, requests, recorded| {
        (method.to_owned(), route.to_owned(), requests, recorded)
    };
    let forgotten = routes(site.recorder.coverage().forgotten());
    assert_eq!(forgotten, [known("POST", "/forgotten", 0, 0), known("GET", "/users/{id}", 1, 0)]);
    assert_eq!(routes(site.recorder.coverage().routes()).len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_at_once_are_each_recorded_once() {
    let site = std::sync::Arc::new(Site::open(app()).await);
    let (connections, each) = (100, 100);
    let mut tasks = tokio::task::JoinSet::new();
    for connection in 0..connections {
        let site = site.clone();
        tasks.spawn(async move {
            let mut stream = site.connect().await;
            for number in 0..each {
                let id = format!("c-{connection}-{number}");
                let request = format!("PUT /users/{connection}/posts/{number} HTTP/1.1\r\nhost: a\r\nx-correlation-id: {id}\r\n\r\n");
                stream.write_all(request.as_bytes()).await.unwrap();
                let mut answer = Vec::new();
                while !answer.ends_with(b"\r\n\r\nok") {
                    let mut chunk = [0; 1024];
                    let read = stream.read(&mut chunk).await.unwrap();
                    assert_ne!(read, 0);
                    answer.extend_from_slice(&chunk[..read]);
                }
                let answer = String::from_utf8(answer).unwrap();
                assert_eq!(header(&answer, "x-correlation-id"), Some(&*id));
            }
        });
    }
    tasks.join_all().await;
    let mut told: Vec<_> = site
        .events()
        .iter()
        .map(|e| {
            let place = format!("c-{}-{}", text(e, "targets.1.id"), text(e, "targets.0.id"));
            assert_eq!(text(e, "context.correlation_id"), place);
            place
        })
        .collect();
    assert_eq!(told.len(), connections * each);
    told.sort();
    told.dedup();
    assert_eq!(told.len(), connections * each);
    assert_eq!(site.recorder.losses(), []);
}

#[tokio::test]
async fn a_megabyte_of_odd_headers_costs_neither_request_nor_event() {
    use tower::ServiceExt;

    let recorder = Recorder::memory();
    let audit = HttpAudit::builder().trusted_proxies(["0.0.0.0/0"]).build().unwrap();
    let app = app().layer(AuditLayer::new(recorder.clone()).with(audit));
    let mut request = http::Request::delete("/users/7").body(axum::body::Body::empty()).unwrap();
    request.extensions_mut().insert(indelible_tower::Peer([192, 0, 2, 1].into()));
    let names = [
        "user-agent",
        "x-forwarded-for",
        "forwarded",
        "x-correlation-id",
        "x-request-id",
        "traceparent",
        "authorization",
        "content-type",
    ];
    for round in 0..16_u8 {
        for name in names {
            let odd = (0..8_192_u32)
                .map(|at| b"\xff,;=\"[]:-1 \t~"[(at as usize * 7 + usize::from(round)) % 13]);
            let value = http::HeaderValue::from_bytes(&odd.collect::<Vec<_>>()).unwrap();
            request.headers_mut().append(name, value);
        }
    }
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.into_response().status(), StatusCode::NO_CONTENT);
    assert_recorded!(recorder, action = "user.delete", "context.ip" = "192.0.2.1");
    assert_eq!(recorder.losses(), []);
}

#[tokio::test]
async fn a_route_of_deletion_can_be_told_differently() {
    let audit = HttpAudit::builder()
        .rule("DELETE", "/users/{id}", "user_removed", "user.remove")
        .build()
        .unwrap();
    let site = Site::with(Router::new().route("/users/{id}", delete(async || "")), audit).await;
    site.ask("DELETE", "/users/7", "").await;
    assert_recorded!(site.recorder, action = "user.remove", category = "user_removed");
}
