//! Every operation of the API's own description, as requests that concern one of two tenants, and who may make them.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::world::{EVENT, Tenant, Who};

/// Who may make a request, as docs/api.md says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Everybody.
    Open,
    /// Every credential.
    Any,
    /// Whoever reads; the answer is of what is theirs.
    Reads,
    /// Whoever reads this tenant's trail; for the others it does not exist.
    ReadsTrail,
    /// Whoever exports.
    Exports,
    /// Whoever writes to this tenant's trail; for the others it does not exist.
    Appends,
    /// The same, where an event names the trail: the event is refused.
    AppendsInside,
    /// Whoever reads and is bound to no trail.
    Counters,
    /// An auditor or admin.
    Audits,
    /// An admin.
    Admin,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    pub rule: Rule,
    pub path: String,
    pub body: String,
    /// The status for whoever may; 0 where it is 201 for the first and 200 for who says the same again.
    pub ok: u16,
}

impl Ask {
    /// The status for this credential.
    pub fn expected(&self, who: &Who, of: &Tenant) -> u16 {
        let reads = ["reader", "auditor", "admin"].contains(&who.role);
        let appends = ["writer", "admin"].contains(&who.role);
        let own = who.bound.is_none_or(|trail| trail == of.trail);
        let of = |role: bool, own: bool, foreign: u16| match (role, own) {
            (false, _) => 403,
            (true, false) => foreign,
            (true, true) => self.ok,
        };
        match self.rule {
            Rule::Open => self.ok,
            _ if !who.valid => 401,
            Rule::Any => self.ok,
            Rule::Reads => of(reads, true, 0),
            Rule::ReadsTrail => of(reads, own, 404),
            Rule::Appends => of(appends, own, 404),
            Rule::AppendsInside => of(appends, own, 400),
            Rule::Counters => of(reads, who.bound.is_none(), 403),
            Rule::Exports | Rule::Audits => of(["auditor", "admin"].contains(&who.role), true, 0),
            Rule::Admin => of(who.role == "admin", true, 0),
        }
    }
}

fn ask(rule: Rule, path: impl Into<String>) -> Ask {
    Ask { rule, path: path.into(), body: String::new(), ok: 200 }
}

fn sends(rule: Rule, path: impl Into<String>, ok: u16, body: impl Into<String>) -> Ask {
    Ask { ok, body: body.into(), ..ask(rule, path) }
}

/// An alert that there is not.
const NO_ALERT: &str = "/api/alerts/0190b1a0-0000-8000-8000-000000000000";

/// Requests of an operation that concern a tenant. `spare` is the id of a key that nobody needs. An operation without a
/// place here has none.
pub fn asks(operation: &str, t: &Tenant, spare: &str) -> Option<Vec<Ask>> {
    use Rule::{
        Admin, Any, Appends, AppendsInside, Audits, Counters, Exports, Open, Reads, ReadsTrail,
    };
    let Tenant { trail, id, marker, .. } = t;
    let logs = "/api/audit/logs";
    let named = format!("tenant_id={trail}");
    Some(match operation {
        "POST /api/audit/logs" => vec![
            sends(Appends, format!("{logs}?trail={trail}"), 201, EVENT),
            sends(AppendsInside, logs, 201, format!(r#"{{"action":"a.b","trail":"{trail}"}}"#)),
            sends(
                AppendsInside,
                logs,
                201,
                format!(r#"[{{"action":"a.b","tenant_id":"{trail}"}}]"#),
            ),
        ],
        "POST /api/cloudevents" => {
            // Another event each time: by another credential, the same id would be a conflict.
            static ASKED: AtomicU64 = AtomicU64::new(0);
            let event = |data: &str| {
                let id = ASKED.fetch_add(1, Ordering::Relaxed);
                format!(r#"{{"specversion":"1.0","id":"{id}","source":"s","type":"a.b"{data}}}"#)
            };
            let own = format!(r#","data":{{"action":"a.b","trail":"{trail}"}}"#);
            vec![
                sends(Appends, format!("/api/cloudevents?trail={trail}"), 0, event("")),
                sends(AppendsInside, "/api/cloudevents", 0, event(&own)),
            ]
        }
        "POST /v1/logs" => {
            let body = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}"#;
            vec![sends(Appends, format!("/v1/logs?trail={trail}"), 200, body)]
        }
        "POST /_bulk" | "PUT /_bulk" | "POST /{index}/_bulk" | "PUT /{index}/_bulk" => {
            let index = if operation.contains("index") { "/any" } else { "" };
            let body = "{\"index\":{\"_index\":\"any\"}}\n{\"action\":\"a.b\"}\n";
            vec![sends(Appends, format!("{index}/_bulk?trail={trail}"), 200, body)]
        }
        "GET /api/audit/logs" => vec![
            ask(Reads, format!("{logs}?page_size=1000&count=true")),
            ask(Reads, format!("{logs}?q={marker}")),
            ask(Reads, format!("{logs}?q=id:{id}+OR+actor:{}", t.user)),
            ask(Reads, format!("{logs}?q=trail:{trail}&order=asc&sort=occurred_at&page=1")),
            ask(ReadsTrail, format!("{logs}?{named}")),
        ],
        "GET /api/audit/logs/{id}" => vec![
            ask(ReadsTrail, format!("{logs}/{id}")),
            ask(ReadsTrail, format!("{logs}/{id}?trail={trail}")),
        ],
        "GET /api/audit/logs/{id}/proof" => vec![
            ask(ReadsTrail, format!("{logs}/{id}/proof")),
            ask(ReadsTrail, format!("{logs}/{id}/proof?trail={trail}&redact=who,where,what")),
        ],
        "GET /api/audit/stats" => vec![
            ask(Reads, "/api/audit/stats?interval=1h&top=1000"),
            ask(Reads, format!("/api/audit/stats?q=trail:{trail}")),
            ask(ReadsTrail, format!("/api/audit/stats?{named}")),
        ],
        "GET /api/audit/suggest" => {
            let prefix: String = marker.chars().take(3).collect();
            let fields = ["action", "category", "actor", "resource_type", "resource", "service"];
            let path = |field| format!("/api/audit/suggest?field={field}&limit=100");
            let fields = fields
                .iter()
                .flat_map(|field| [path(field), format!("{}&prefix={prefix}", path(field))]);
            fields.map(|path| ask(Reads, path)).collect()
        }
        "GET /api/audit/query" => vec![
            ask(Reads, "/api/audit/query"),
            ask(Reads, format!("/api/audit/query?q=trail:{trail}+or:")),
        ],
        "GET /api/audit/query/keys" => vec![ask(Reads, "/api/audit/query/keys")],
        "GET /api/audit/timeline" => vec![
            ask(Reads, format!("/api/audit/timeline?resource_id={}", t.resource)),
            ask(Reads, format!("/api/audit/timeline?correlation_id={}", t.correlation)),
            ask(Reads, format!("/api/audit/timeline?user_id={}", t.user)),
            ask(ReadsTrail, format!("/api/audit/timeline?correlation_id=x&{named}")),
        ],
        "GET /api/audit/reports/unfinished" => {
            let path = "/api/audit/reports/unfinished?older_than=0s";
            vec![
                ask(Reads, path),
                ask(Reads, format!("{path}&since=1d&page_size=1")),
                ask(ReadsTrail, format!("{path}&{named}")),
            ]
        }
        "GET /api/audit/reports/gaps" => vec![
            ask(Reads, "/api/audit/reports/gaps"),
            ask(Reads, "/api/audit/reports/gaps?since=2s"),
            ask(ReadsTrail, format!("/api/audit/reports/gaps?{named}")),
        ],
        "GET /api/audit/users/{id}" => vec![
            ask(Reads, format!("/api/audit/users/{}", t.user)),
            ask(Reads, "/api/audit/users/everybody?days=366"),
        ],
        "GET /api/audit/stream" => {
            let path = "/api/audit/stream?last_event_id=0000000000000000";
            vec![ask(Reads, path), ask(ReadsTrail, format!("{path}&{named}"))]
        }
        "GET /api/audit/export" => {
            let path = |format| ask(Exports, format!("/api/audit/export?format={format}&{named}"));
            ["csv", "ndjson", "ocsf", "cef", "cloudevents", "parquet", "bundle"].map(path).to_vec()
        }
        // What nobody has begun is nowhere; who begun it may see it in the tests of exports.
        "GET /api/audit/export/progress/{ticket}" => {
            vec![sends(Exports, "/api/audit/export/progress/nobody-has-it", 404, "")]
        }
        "GET /api/v1/audit-logs" => vec![
            ask(Reads, "/api/v1/audit-logs?limit=1000"),
            ask(Reads, format!("/api/v1/audit-logs?user_id={}", t.user)),
        ],
        "GET /api/v1/audit-logs/user/{user_id}" => vec![
            ask(Reads, format!("/api/v1/audit-logs/user/{}", t.user)),
            ask(Reads, "/api/v1/audit-logs/user/everybody"),
        ],
        "GET /api/trails" => vec![ask(Reads, "/api/trails")],
        "PUT /api/trails/{name}" => {
            vec![sends(Admin, format!("/api/trails/{trail}"), 200, r#"{"public":false}"#)]
        }
        "GET /api/trails/{name}/consistency" => {
            let path = format!("/api/trails/{trail}/consistency");
            vec![
                ask(ReadsTrail, format!("{path}?from=1")),
                ask(ReadsTrail, format!("{path}?from=0&to=1")),
            ]
        }
        "GET /trails/{name}/{*path}" => ["checkpoint", "tile/0/000.p/3", "tile/entries/000.p/3"]
            .map(|file| ask(ReadsTrail, format!("/trails/{trail}/{file}")))
            .to_vec(),
        "GET /api/keys" => vec![ask(Admin, "/api/keys")],
        "POST /api/keys" => {
            let body = format!(r#"{{"role":"reader","name":"n","trails":["{trail}"]}}"#);
            vec![sends(Admin, "/api/keys", 201, body)]
        }
        "DELETE /api/keys/{id}" => vec![sends(Admin, format!("/api/keys/{spare}"), 204, "")],
        "GET /api/me" => vec![ask(Any, "/api/me")],
        "POST /api/session" => vec![sends(Open, "/api/session", 400, "{}")],
        "DELETE /api/session" => vec![sends(Open, "/api/session", 204, "")],
        "GET /api/saved-searches" => vec![ask(Reads, "/api/saved-searches")],
        "POST /api/saved-searches" => {
            // No two of one credential have the same name.
            let body = format!(r#"{{"name":"{spare}","query":"trail:{trail}","time":"-1h"}}"#);
            vec![sends(Reads, "/api/saved-searches", 201, body)]
        }
        "DELETE /api/saved-searches/{id}" => {
            vec![sends(Reads, format!("/api/saved-searches/{spare}"), 404, "")]
        }
        "GET /api/retention" => vec![ask(Audits, "/api/retention")],
        "PUT /api/retention" => {
            vec![sends(Admin, "/api/retention", 200, r#"{"rules":"everything else forever"}"#)]
        }
        "GET /api/retention/presets" => vec![ask(Audits, "/api/retention/presets")],
        "POST /api/retention/preview" => {
            let path = "/api/retention/preview";
            let bodies = ["{}", r#"{"rules":"everything else 1d"}"#];
            bodies.map(|body| sends(Audits, path, 200, body)).to_vec()
        }
        "GET /api/retention/preview" => ["", "?rules=everything+else+1d&existing=true"]
            .map(|params| ask(Audits, format!("/api/retention/preview{params}")))
            .to_vec(),
        "POST /api/retention/run" => vec![ask(Admin, "/api/retention/run?wait=true")],
        "POST /api/retention/clock" => vec![ask(Admin, "/api/retention/clock")],
        "POST /api/purges" | "POST /api/purges/preview" => {
            let body =
                format!(r#"{{"query":"trail:{trail}","until":"2020-01-31","reason":"test data"}}"#);
            match operation {
                "POST /api/purges" => vec![sends(Admin, "/api/purges", 202, body)],
                _ => vec![sends(Audits, "/api/purges/preview", 200, body)],
            }
        }
        "GET /api/holds" => vec![ask(Audits, "/api/holds")],
        "POST /api/holds" => {
            let body = format!(
                r#"{{"name":"case","query":"trail:{trail}","reason":"law","owner":"legal"}}"#
            );
            vec![sends(Admin, "/api/holds", 201, body)]
        }
        "DELETE /api/holds/{id}" => vec![sends(Admin, "/api/holds/nobody-has-it", 404, "")],
        "GET /api/requests" => vec![ask(Audits, "/api/requests")],
        "POST /api/requests/{id}/confirm" => {
            vec![sends(Admin, "/api/requests/nobody-has-it/confirm", 404, "{}")]
        }
        "DELETE /api/requests/{id}" => vec![sends(Admin, "/api/requests/nobody-has-it", 404, "")],
        "GET /api/erasures" => vec![ask(Audits, "/api/erasures")],
        "POST /api/erasures" | "POST /api/erasures/preview" => {
            let body =
                format!(r#"{{"subject":"nobody-known","trail":"{trail}","authority":"law"}}"#);
            match operation {
                "POST /api/erasures" => vec![sends(Admin, "/api/erasures", 202, body)],
                _ => vec![sends(Admin, "/api/erasures/preview?wait=true", 200, body)],
            }
        }
        "GET /api/erasures/{id}" => vec![sends(Audits, "/api/erasures/nobody-has-it", 404, "")],
        "GET /api/backups" => vec![ask(Audits, "/api/backups")],
        // Where to is neither set nor said.
        "POST /api/backups" => vec![sends(Admin, "/api/backups", 400, "{}")],
        "GET /api/backups/settings" => vec![ask(Audits, "/api/backups/settings")],
        "PUT /api/backups/settings" => vec![sends(Admin, "/api/backups/settings", 200, "{}")],
        "GET /api/backups/{id}" => vec![sends(Audits, "/api/backups/nobody-has-it", 404, "")],
        "DELETE /api/backups/{id}" => vec![sends(Admin, "/api/backups/nobody-has-it", 404, "")],
        "POST /api/backups/{id}/verify" => {
            vec![sends(Admin, "/api/backups/nobody-has-it/verify", 404, "")]
        }
        "POST /api/restores" => {
            let body = r#"{"backup":"nobody-has-it","into":"relative"}"#;
            vec![sends(Admin, "/api/restores", 400, body)]
        }
        "GET /api/archives" => vec![ask(Audits, "/api/archives")],
        "POST /api/archives" => {
            vec![sends(Admin, "/api/archives", 400, r#"{"target":"ftp://nowhere/x"}"#)]
        }
        "POST /api/archives/offload" => {
            vec![sends(Admin, "/api/archives/offload", 400, r#"{"target":"ftp://nowhere/x"}"#)]
        }
        "GET /api/archives/settings" => vec![ask(Audits, "/api/archives/settings")],
        "PUT /api/archives/settings" => vec![sends(Admin, "/api/archives/settings", 200, "{}")],
        "POST /api/imports" => {
            vec![sends(Admin, "/api/imports", 400, r#"{"from":"ftp://nowhere/x"}"#)]
        }
        "GET /api/jobs" => vec![ask(Audits, "/api/jobs")],
        "GET /api/jobs/{id}" => vec![sends(Audits, "/api/jobs/nobody-has-it", 404, "")],
        "GET /api/streams" => vec![ask(Audits, "/api/streams")],
        "GET /api/inputs" => vec![ask(Audits, "/api/inputs")],
        "GET /api/streams/{name}" => vec![sends(Audits, "/api/streams/none", 404, "")],
        "POST /api/streams/{name}/pause" => vec![sends(Admin, "/api/streams/none/pause", 404, "")],
        "POST /api/streams/{name}/resume" => {
            vec![sends(Admin, "/api/streams/none/resume", 404, "")]
        }
        "POST /api/streams/{name}/replay" => {
            vec![sends(Admin, "/api/streams/none/replay", 404, r#"{"from":"beginning"}"#)]
        }
        "GET /api/rules" => vec![ask(Audits, "/api/rules")],
        "GET /api/rules/{id}" => vec![sends(Audits, "/api/rules/none", 404, "")],
        "POST /api/rules/backtest" => {
            vec![sends(Audits, "/api/rules/backtest", 200, r#"{"since":"1d"}"#)]
        }
        "GET /api/alerts" => {
            vec![ask(Audits, "/api/alerts"), ask(Audits, "/api/alerts?state=open&limit=1")]
        }
        "GET /api/alerts/{id}" => vec![sends(Audits, NO_ALERT, 404, "")],
        "POST /api/alerts/{id}/acknowledge" | "POST /api/alerts/{id}/close" => {
            let deed = operation.rsplit('/').next().unwrap();
            vec![sends(Audits, format!("{NO_ALERT}/{deed}"), 404, "{}")]
        }
        "POST /api/alerts/{id}/comment" => {
            vec![sends(Audits, format!("{NO_ALERT}/comment"), 404, r#"{"note":"so"}"#)]
        }
        "POST /api/alerts/{id}/assign" => {
            vec![sends(Audits, format!("{NO_ALERT}/assign"), 404, r#"{"to":"maria"}"#)]
        }
        "POST /api/alerts/test" => {
            vec![sends(Audits, "/api/alerts/test", 404, r#"{"channel":"none"}"#)]
        }
        "GET /api/reviews" => vec![ask(Audits, "/api/reviews")],
        "GET /api/reviews/{period}" => vec![
            // The day of the tests, and one that never was.
            ask(Audits, "/api/reviews/2026-11-15"),
            sends(Audits, "/api/reviews/2026-02-30", 404, ""),
        ],
        "POST /api/reviews/{period}/sign" => {
            let body = r#"{"note":"seen","digest":"00"}"#;
            vec![sends(Audits, "/api/reviews/2026-11-15/sign", 409, body)]
        }
        "GET /api/status" => vec![ask(Counters, "/api/status")],
        "GET /metrics" => vec![ask(Counters, "/metrics")],
        "GET /livez" | "GET /readyz" | "GET /api/openapi.json" => {
            vec![ask(Open, operation.split_once(' ').unwrap().1)]
        }
        _ => return None,
    })
}
