//! Where the browser says whether it verified the event. Without scripts it says how to do that by hand.

use indelible_connect::Event;
use maud::{Markup, html};

use super::Answer;
use crate::href::{self, Params};
use crate::parts::icon;
use crate::text;

pub fn badge(answer: &Answer, event: &Event) -> Markup {
    let path = format!("/api/audit/logs/{}/proof", href::segment(&event.id));
    let proof = Params::new().with("trail", &event.trail).to(&path);
    let wait = if answer.published {
        ""
    } else {
        "It is kept, and not yet covered by a signed checkpoint. "
    };
    html! {
        section #verified.verified data-state="unknown" data-trail=(event.trail) data-seq=(event.seq)
            data-proof=(proof) data-raw="#raw" data-published[answer.published] aria-label="Verification" {
            p.verified-line role="status" aria-live="polite" { (icon("shield")) strong data-word { "Not verified in this browser" } }
            p.verified-why data-why { (wait) "Scripts are needed for that. Anybody can verify it by hand, without trusting this page:" }
            details.verified-hand {
                summary { "Verify it by hand" }
                p { "The key of the trail, from somebody you trust; the node prints it:" }
                pre { "indelible key show --trail " (text::short(&event.trail)) }
                p { "The proof, and its verification, which needs neither the node nor a network:" }
                pre {
                    "curl -H \"Authorization: Bearer $INDELIBLE_KEY\" \\\n  \"$INDELIBLE_URL" (proof) "\" > event.proof\n"
                    "indelible verify proof --key \"$VKEY\" event.proof"
                }
                p { a href=(proof) download="event.proof" { "Download the proof" } }
            }
        }
    }
}
