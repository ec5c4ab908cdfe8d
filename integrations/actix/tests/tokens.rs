//! Users from tokens.

use actix_web::web;
use indelible_actix::HttpAudit;
use indelible_recorder::assert_recorded;
use indelible_recorder::http::jwt::Verifier;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use crate::site::Site;

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";

fn token(secret: &[u8], exp: u64) -> String {
    let claims = json!({"sub": "maria", "exp": exp, "jti": "t-1", "act": {"sub": "support-7"}});
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(secret)).unwrap()
}

#[actix_web::test]
async fn a_verified_token_names_the_user_and_a_forged_one_nobody() {
    let verifier = Verifier::hs256(SECRET).unwrap();
    let audit = HttpAudit::builder().jwt(verifier).build().unwrap();
    let routes = |app: &mut web::ServiceConfig| {
        app.route("/x/{kind}", web::post().to(async || "ok"));
    };
    let site = Site::with(routes, audit);
    let good = token(SECRET, 4_102_444_800);
    let body = good.split('.').nth(1).unwrap();
    let none = format!("eyJhbGciOiJub25lIn0.{body}.");
    let kinds = [
        ("good", good.clone()),
        ("expired", token(SECRET, 1_000_000_000)),
        ("wrong-key", token(b"another secret of thirty-two bytes", 4_102_444_800)),
        ("none", none),
    ];
    for (kind, token) in kinds {
        let answer = site
            .ask("POST", &format!("/x/{kind}"), &format!("authorization: Bearer {token}\r\n"))
            .await;
        assert!(answer.starts_with("HTTP/1.1 200"), "a token is never a reason to fail: {answer}");
    }
    let events = site.events();
    assert_eq!(events.len(), 4);
    assert_recorded!(
        site.recorder,
        actor = "support-7",
        "actor.on_behalf_of.id" = "maria",
        "actor.auth.token_id" = "t-1"
    );
    for event in &events[1..] {
        assert_eq!(event.get("actor"), None);
        assert!(event.get("details").is_some(), "that the token is bad is told");
    }
    assert!(events.iter().all(|event| !event.json().to_string().contains(body)));
}
