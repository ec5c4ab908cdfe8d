//! Handlers and middleware that give errors in the place of answers.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, HttpResponse, ResponseError, error, web};
use indelible_actix::{Audit, AuditMiddleware};
use indelible_recorder::{Recorder, assert_recorded};

use crate::site::{Site, header, serve};

#[derive(Debug)]
struct SoldOut;

impl fmt::Display for SoldOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sold out")
    }
}

impl ResponseError for SoldOut {
    fn status_code(&self) -> StatusCode {
        StatusCode::CONFLICT
    }
}

#[actix_web::test]
async fn an_error_of_a_handler_is_an_answer() {
    let site = Site::open(|app| {
        let sold = async |audit: Audit| {
            audit.target("ticket", "t-1");
            Err::<&str, _>(SoldOut)
        };
        app.route("/orders", web::post().to(sold))
            .route("/numbers/{n}", web::post().to(async |n: web::Path<u8>| n.to_string()));
    });
    let answer = site.ask("POST", "/orders", "").await;
    assert!(answer.starts_with("HTTP/1.1 409") && answer.ends_with("sold out"), "{answer}");
    let id = header(&answer, "x-correlation-id").unwrap();
    assert_recorded!(
        site.recorder,
        target = "ticket/t-1",
        outcome = "failure",
        "context.http.status" = 409,
        "context.correlation_id" = id
    );
    // An extractor's is, too.
    let answer = site.ask("POST", "/numbers/many", "").await;
    assert!(answer.starts_with("HTTP/1.1 404") && header(&answer, "x-correlation-id").is_some());
    assert_recorded!(site.recorder, target = "number/many", outcome = "failure");
}

#[actix_web::test]
async fn an_error_of_middleware_goes_on_unchanged_and_is_recorded_by_its_status() {
    let recorder = Recorder::memory();
    let middleware = AuditMiddleware::new(recorder.clone());
    let same = Arc::new(AtomicBool::new(false));
    let refuse = async |request: ServiceRequest, next: Next<actix_web::body::BoxBody>| {
        Audit::of(request.request()).identify("maria");
        match request.path() {
            "/own" => Err(SoldOut.into()),
            // Such an error gives its response away once.
            "/once" => {
                let response = HttpResponse::ImATeapot().body("short and stout");
                Err(error::InternalError::from_response("tea", response).into())
            }
            "/denied" => Err(error::ErrorForbidden("no")),
            _ => next.call(request).await,
        }
    };
    let seen = same.clone();
    let app = move || {
        let seen = seen.clone();
        App::new()
            .route("/own", web::post().to(async || ""))
            .wrap(from_fn(refuse))
            .wrap(middleware.clone())
            .wrap_fn(move |request, service| {
                let (seen, called) =
                    (seen.clone(), actix_web::dev::Service::call(service, request));
                async move {
                    let answer = called.await;
                    if let Err(error) = &answer {
                        seen.fetch_or(error.as_error::<SoldOut>().is_some(), Ordering::Relaxed);
                    }
                    answer
                }
            })
    };
    let site = serve!(recorder, app());
    let own = site.ask("POST", "/own", "x-correlation-id: c-1\r\n").await;
    assert!(own.starts_with("HTTP/1.1 409") && own.ends_with("sold out"), "{own}");
    assert_eq!(header(&own, "x-correlation-id"), Some("c-1"));
    assert!(same.load(Ordering::Relaxed), "what is around the middleware gets the error itself");
    assert_recorded!(
        site.recorder,
        actor = "maria",
        outcome = "failure",
        "context.http.status" = 409,
        "context.http.route" = "/own"
    );
    let once = site.ask("POST", "/once", "x-correlation-id: c-2\r\n").await;
    assert!(once.starts_with("HTTP/1.1 418") && once.ends_with("short and stout"), "{once}");
    assert_eq!(header(&once, "x-correlation-id"), Some("c-2"));
    assert_recorded!(site.recorder, outcome = "failure", "context.http.status" = 418);
    site.ask("POST", "/denied", "").await;
    assert_recorded!(site.recorder, action = "permission.denied", outcome = "denied");
    assert_eq!(site.events().len(), 3);
}
