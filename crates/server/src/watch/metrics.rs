//! The watch, in `/metrics`.

use indelible_watch::{AlertFilter, Shared};

use crate::metrics::{head, line};

/// What there is to count.
pub(super) fn text(watch: &Shared, end: u64) -> String {
    let mut out = String::new();
    let status = watch.status(end);
    let listed = watch.alerts(&AlertFilter::default(), None, 0).unwrap_or_default();
    let gauges = [
        ("indelible_watch_behind", "Records that rules have not looked at yet.", status.behind),
        ("indelible_watch_rules", "Rules that are loaded.", status.rules as u64),
        ("indelible_watch_rules_refused", "Rules that cannot be loaded.", status.refused as u64),
    ];
    for (name, help, value) in gauges {
        head(&mut out, name, "gauge", help);
        line(&mut out, format_args!("{name} {value}"));
    }
    let name = "indelible_watch_alerts";
    head(&mut out, name, "gauge", "Alerts that are not closed.");
    for (state, count) in [("open", listed.open), ("acknowledged", listed.acknowledged)] {
        line(&mut out, format_args!("{name}{{state=\"{state}\"}} {count}"));
    }
    let name = "indelible_watch_fired_total";
    head(&mut out, name, "counter", "How often rules fired.");
    line(&mut out, format_args!("{name} {}", watch.fired()));
    out
}
