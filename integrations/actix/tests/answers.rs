//! What is recorded of requests that are answered.

use actix_web::http::StatusCode;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpMessage, HttpResponse, HttpResponseBuilder, rt};
use indelible_actix::{Audit, AuditMiddleware, AuditUser, HttpAudit};
use indelible_recorder::{Actor, Event, Recorder, assert_recorded};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::site::{Site, header, serve, text};

async fn answer(status: StatusCode) -> HttpResponse {
    HttpResponseBuilder::new(status).finish()
}

fn routes(app: &mut ServiceConfig) {
    app.route("/users", web::post().to(|| answer(StatusCode::CREATED)))
        .service(
            web::resource("/users/{id}")
                .route(web::get().to(async || "maria"))
                .route(web::head().to(async || "maria"))
                .route(web::delete().to(|| answer(StatusCode::NO_CONTENT))),
        )
        .service(
            web::scope("/users/{id}").service(
                web::resource(r"/posts/{post_id:\d+}").route(web::put().to(async || "ok")),
            ),
        )
        .route("/denied", web::get().to(|| answer(StatusCode::FORBIDDEN)))
        .route("/broken", web::get().to(|| answer(StatusCode::INTERNAL_SERVER_ERROR)))
        .route("/login", web::post().to(|| answer(StatusCode::UNAUTHORIZED)))
        .route("/reset/{token}", web::post().to(async || ""))
        .route("/health", web::to(|| answer(StatusCode::SERVICE_UNAVAILABLE)));
}

#[actix_web::test]
async fn a_request_tells_who_what_and_from_where() {
    let site = Site::open(routes);
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
        "http": {
            "method": "PUT", "path": "/users/7/posts/9",
            "route": r"/users/{id}/posts/{post_id:\d+}", "status": 200
        }
    });
    assert_eq!(context, wanted);
}

#[actix_web::test]
async fn the_status_decides_category_and_outcome() {
    let site = Site::open(routes);
    for (method, path) in [
        ("POST", "/users"),
        ("DELETE", "/users/7"),
        ("GET", "/denied"),
        ("GET", "/broken"),
        ("POST", "/login"),
        ("POST", "/nowhere"),
        ("POST", "/reset/s3cret"),
    ] {
        site.ask(method, path, "").await;
    }
    let told = site.events();
    let told: Vec<_> = told
        .iter()
        .map(|e| [e.action().to_owned(), text(e, "category"), text(e, "outcome")])
        .collect();
    let wanted = [
        ["user.create", "user_created", "success"],
        ["user.delete", "data_delete", "success"],
        ["permission.denied", "permission_denied", "denied"],
        ["broken.read", "api_request_error", "error"],
        ["user.login_failed", "login_failed", "denied"],
        ["http.post", "api_request_error", "failure"],
        ["reset.create", "data_create", "success"],
    ];
    assert_eq!(told, wanted.map(|e| e.map(str::to_owned)));
    assert!(site.events().iter().all(|e| !e.json().to_string().contains("s3cret")));
}

#[actix_web::test]
async fn reads_are_recorded_only_where_they_fail() {
    let site = Site::open(routes);
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
    let site = Site::with(routes, HttpAudit::builder().record_reads(true).build().unwrap());
    for method in ["GET", "HEAD"] {
        site.ask(method, "/users/7", "").await;
        assert_recorded!(
            site.recorder,
            action = "user.read",
            outcome = "success",
            "context.http.method" = method
        );
    }
}

#[actix_web::test]
async fn the_correlation_id_comes_back_or_a_good_one_in_its_place() {
    let site = Site::open(routes);
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
    // A read has one, too, though it is not recorded; and so has what no route takes.
    for path in ["/users/1", "/nowhere"] {
        assert!(header(&site.ask("GET", path, "").await, "x-correlation-id").is_some());
    }
}

#[actix_web::test]
async fn only_trusted_proxies_are_believed() {
    let site = Site::open(routes);
    site.ask("DELETE", "/users/1", "x-forwarded-for: 6.6.6.6\r\n").await;
    assert_eq!(text(&site.events()[0], "context.ip"), "127.0.0.1");
    let audit = HttpAudit::builder().trusted_proxies(["127.0.0.0/8"]).build().unwrap();
    let site = Site::with(routes, audit);
    let headers = "x-forwarded-for: 6.6.6.6, 192.0.2.1\r\nx-forwarded-for: 127.0.0.9\r\n";
    site.ask("DELETE", "/users/1", headers).await;
    assert_eq!(text(&site.events()[0], "context.ip"), "192.0.2.1");
}

#[actix_web::test]
async fn handlers_add_what_only_they_know() {
    async fn view(audit: Audit) -> &'static str {
        audit.action("report.view").actor("maria").target("report", "r-1").detail("rows", 3);
        audit.before(json!({"seen": 1, "name": "r"})).after(json!({"seen": 2, "name": "r"}));
        "report"
    }
    let site = Site::open(|app| {
        app.route("/reports/{id}", web::get().to(view))
            .route("/plain", web::get().to(async |_: Audit| ""))
            .route("/health", web::get().to(view));
    });
    for path in ["/reports/1", "/plain", "/health"] {
        assert!(site.ask("GET", path, "").await.starts_with("HTTP/1.1 200"));
    }
    assert_eq!(site.events().len(), 1, "neither what says nothing, nor what is left out");
    assert_recorded!(
        site.recorder,
        action = "report.view",
        actor = "maria",
        target = "report/r-1",
        "details.rows" = 3,
        "changes.before.seen" = 1,
        "changes.after.seen" = 2
    );
}

#[actix_web::test]
async fn an_extractor_without_the_middleware_costs_no_request() {
    let recorder = Recorder::memory();
    let handler = async |audit: Audit| {
        audit.action("report.view");
        "report"
    };
    let site = serve!(recorder.clone(), App::new().route("/x", web::get().to(handler)));
    assert!(site.ask("GET", "/x", "").await.ends_with("report"));
    assert_eq!(site.events().len(), 0);
}

#[actix_web::test]
async fn what_a_handler_records_belongs_to_its_request() {
    let site = Site::open(|_| ());
    let recorder = site.recorder.clone();
    let routes = move |app: &mut ServiceConfig| {
        let recorder = recorder.clone();
        let handler = move |audit: Audit| {
            let recorder = recorder.clone();
            async move {
                audit.identify("maria");
                recorder.record(Event::new("first"));
                rt::task::yield_now().await;
                recorder.record(Event::new("second"));
                "done"
            }
        };
        app.route("/x/{token}", web::post().to(handler));
    };
    let recorder = site.recorder.clone();
    let middleware = AuditMiddleware::new(recorder.clone());
    let site = serve!(recorder, App::new().wrap(middleware.clone()).configure(routes.clone()));
    site.ask("POST", "/x/secret", "x-correlation-id: c-9\r\n").await;
    let events = site.events();
    assert_eq!(events.len(), 3);
    for event in &events {
        let said = [
            "actor.id",
            "context.ip",
            "context.correlation_id",
            "context.http.route",
            "context.http.path",
        ]
        .map(|p| text(event, p));
        let wanted = ["maria", "127.0.0.1", "c-9", "/x/{token}", "/x/{token}"];
        assert_eq!(said, wanted, "{}", event.action());
    }
}

#[actix_web::test]
async fn users_are_named_from_without_and_from_within() {
    let recorder = Recorder::memory();
    let middleware = AuditMiddleware::new(recorder.clone());
    let named = async |request: actix_web::dev::ServiceRequest, next: Next<_>| {
        request.extensions_mut().insert(AuditUser(Actor::user("outer")));
        next.call(request).await
    };
    let later = async |request: actix_web::HttpRequest| {
        request.extensions_mut().insert(AuditUser(Actor::user("inner")));
        ""
    };
    let over = async |audit: Audit| {
        audit.identify("handler");
        ""
    };
    let app = move || {
        App::new()
            .route("/plain", web::post().to(async || ""))
            .route("/later", web::post().to(later))
            .route("/over", web::post().to(over))
            .wrap(middleware.clone())
            .wrap(from_fn(named))
    };
    let site = serve!(recorder, app());
    for path in ["/plain", "/later", "/over"] {
        assert!(site.ask("POST", path, "").await.starts_with("HTTP/1.1 200"));
    }
    let actors: Vec<_> = site.events().iter().map(|e| text(e, "actor.id")).collect();
    assert_eq!(actors, ["outer", "inner", "handler"]);
}

#[actix_web::test]
async fn of_two_around_each_other_one_records() {
    let recorder = Recorder::memory();
    let middleware = AuditMiddleware::new(recorder.clone());
    let app = move || {
        let inner = web::scope("/api").wrap(middleware.clone()).configure(routes);
        App::new().service(inner).wrap(middleware.clone())
    };
    let site = serve!(recorder, app());
    site.ask("DELETE", "/api/users/7", "").await;
    assert_eq!(site.events().len(), 1);
    assert_recorded!(site.recorder, target = "user/7", "context.http.route" = "/api/users/{id}");
}

#[actix_web::test]
async fn a_scope_of_its_own_leaves_out_the_others() {
    let recorder = Recorder::memory();
    let middleware = AuditMiddleware::new(recorder.clone());
    let app = move || {
        let inner = web::scope("/api").wrap(middleware.clone()).configure(routes);
        App::new().service(inner).configure(routes)
    };
    let site = serve!(recorder, app());
    site.ask("DELETE", "/users/7", "").await;
    site.ask("DELETE", "/api/users/7", "").await;
    assert_eq!(site.events().len(), 1);
    assert_recorded!(site.recorder, "context.http.route" = "/api/users/{id}");
}

#[actix_web::test]
async fn the_route_is_the_one_that_the_guards_let_through() {
    let site = Site::open(|app| {
        app.route("/things/{id}", web::put().to(async || ""))
            .route("/things/{token}", web::post().to(async || ""));
    });
    site.ask("POST", "/things/secret", "").await;
    assert_recorded!(
        site.recorder,
        "context.http.route" = "/things/{token}",
        "context.http.path" = "/things/{token}"
    );
}

#[actix_web::test]
async fn whoever_claims_to_speak_grpc_makes_up_no_routes() {
    let site = Site::open(routes);
    site.ask("POST", "/made.up.Service/Thing", "content-type: application/grpc\r\n").await;
    assert_recorded!(site.recorder, action = "http.post", outcome = "failure");
    assert_eq!(site.recorder.coverage().routes(), []);
}

#[actix_web::test]
async fn coverage_shows_the_routes_that_never_record() {
    let audit = HttpAudit::builder().routes([("POST", "/forgotten")]).build().unwrap();
    let site = Site::with(routes, audit);
    site.ask("GET", "/users/7", "").await;
    site.ask("DELETE", "/users/7", "").await;
    site.ask("GET", "/made/up", "").await;
    let told = |routes: Vec<indelible_recorder::Route>| -> Vec<_> {
        routes.into_iter().map(|r| (r.method, r.route, r.requests, r.recorded)).collect()
    };
    let known = |method: &str, route: &str, requests, recorded| {
        (method.to_owned(), route.to_owned(), requests, recorded)
    };
    let forgotten = told(site.recorder.coverage().forgotten());
    assert_eq!(forgotten, [known("POST", "/forgotten", 0, 0), known("GET", "/users/{id}", 1, 0)]);
    assert_eq!(told(site.recorder.coverage().routes()).len(), 3);
}

#[actix_web::test]
async fn a_route_of_deletion_can_be_told_differently() {
    let audit = HttpAudit::builder()
        .rule("DELETE", "/users/{id}", "user_removed", "user.remove")
        .build()
        .unwrap();
    let site = Site::with(routes, audit);
    site.ask("DELETE", "/users/7", "").await;
    assert_recorded!(site.recorder, action = "user.remove", category = "user_removed");
}

#[actix_web::test]
async fn two_thousand_requests_at_once_are_each_recorded_once() {
    let site = std::rc::Rc::new(Site::open(routes));
    let (connections, each) = (200_usize, 10_usize);
    let mut tasks = Vec::new();
    for connection in 0..connections {
        let site = site.clone();
        tasks.push(rt::spawn(async move {
            let mut stream = site.connect().await;
            for number in 0..each {
                let id = format!("c-{connection}-{number}");
                let request = format!(
                    "PUT /users/{connection}/posts/{number} HTTP/1.1\r\nhost: a\r\n\
                     x-correlation-id: {id}\r\n\r\n"
                );
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
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let place = |event: &indelible_recorder::Recorded| {
        let place = format!("c-{}-{}", text(event, "targets.1.id"), text(event, "targets.0.id"));
        assert_eq!(text(event, "context.correlation_id"), place);
        place
    };
    let mut told: Vec<_> = site.events().iter().map(place).collect();
    assert_eq!(told.len(), connections * each);
    told.sort();
    told.dedup();
    assert_eq!(told.len(), connections * each);
    assert_eq!(site.recorder.losses(), []);
}
