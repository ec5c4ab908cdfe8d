//! The doors of the API that take what others send, and what to set there.

use maud::{Markup, html};

/// A door: its anchor, what it is, its path, what it is for, and a line that is ready to be copied.
struct Door {
    id: &'static str,
    title: &'static str,
    path: &'static str,
    means: &'static str,
    line: String,
}

/// The doors that are always open to a key that writes.
pub fn doors(origin: &str, is_admin: bool) -> Markup {
    let all = all(origin);
    html! {
        section #doors aria-labelledby="doors-title" {
            h2 #doors-title { "Doors that are always open" }
            p { "They take what others send, with a writer's key, and keep it by the same checks as " code { "/api/audit/logs" } ". "
                @if is_admin { a href="/settings/keys/new" { "Make a key" } } @else { "An admin makes the key." } }
            div.cols { @for door in &all {
                section.panel.door aria-labelledby=(door.id) {
                    h3 id=(door.id) { (door.title) }
                    p { code { (origin) (door.path) } }
                    p.quiet { (door.means) }
                    pre tabindex="0" { code id={(door.id) "-line"} { (door.line) } }
                    p { button.plain.small type="button" data-copy={"#" (door.id) "-line"} { "Copy" } }
                }
            } }
        }
    }
}

fn all(origin: &str) -> [Door; 3] {
    let auth = "-H \"Authorization: Bearer $INDELIBLE_KEY\"";
    [
        Door {
            id: "cloudevents",
            title: "CloudEvents 1.0",
            path: "/api/cloudevents",
            means: "Binary, structured or batched: brokers, Knative, the CloudEvents SDKs.",
            line: format!(
                "curl {auth} \\\n  -H 'Content-Type: application/cloudevents+json' \\\n  {origin}/api/cloudevents \\\n  -d '{{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/shop\",\
                 \"type\":\"order.create\",\"subject\":\"order/17\"}}'"
            ),
        },
        Door {
            id: "otlp",
            title: "OpenTelemetry logs",
            path: "/v1/logs",
            means: "OTLP over HTTP, protobuf or JSON. Environment of an application or collector that has the SDK's exporter:",
            line: format!(
                "OTEL_LOGS_EXPORTER=otlp\nOTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http/protobuf\nOTEL_EXPORTER_OTLP_LOGS_ENDPOINT={origin}/v1/logs\n\
                 OTEL_EXPORTER_OTLP_LOGS_HEADERS=\"Authorization=Bearer%20$INDELIBLE_KEY\""
            ),
        },
        Door {
            id: "bulk",
            title: "Elasticsearch _bulk",
            path: "/shop/_bulk",
            means: "index and create only: Fluent Bit, rsyslog, syslog-ng, the official clients. The index, here shop, is the trail; the key is the password of any user.",
            line: format!(
                "printf '%s\\n' '{{\"create\":{{\"_id\":\"1\"}}}}' '{{\"action\":\"order.create\",\"user_id\":\"maria\"}}' |\n\
                 \x20 curl {auth} \\\n  -H 'Content-Type: application/x-ndjson' --data-binary @- {origin}/shop/_bulk"
            ),
        },
    ]
}
