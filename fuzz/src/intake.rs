//! What must hold of whatever comes in from others: it ends, it does not panic, and what it makes is JSON of one line's
//! worth that is an event, or is refused as everybody's events are.

use indelible_connect::draft::Unmapped;
use indelible_connect::intake::{bulk, cloudevents, otlp};
use serde_json::value::RawValue;

/// A mapper's name and its check.
pub type Check = (&'static str, fn(&[u8]));

/// All of them. The names are those of the fuzz targets and of the folders of their seeds.
pub const ALL: [Check; 5] = [
    ("bulk", bulk),
    ("cloudevent", cloudevent),
    ("cloudevent_header", cloudevent_header),
    ("otlp", otlp),
    ("otlp_json", otlp_json),
];

/// An event that was made of something is JSON whatever that was, so that nothing in it becomes a member of another.
fn made(event: Result<Vec<u8>, Unmapped>) {
    match event {
        Ok(json) => {
            let object: Result<&RawValue, _> = serde_json::from_slice(&json);
            assert!(
                object.is_ok_and(|object| object.get().starts_with('{')),
                "{}",
                String::from_utf8_lossy(&json)
            );
            if let Err(refusal) = indelible_event::check(&json) {
                assert!(!refusal.reason.to_string().is_empty());
            }
        }
        Err(why) => assert!(!why.message.is_empty()),
    }
}

/// A CloudEvent in JSON.
pub fn cloudevent(data: &[u8]) {
    made(cloudevents::structured(data));
}

/// A CloudEvent in header fields, a line each, with its data behind an empty line.
pub fn cloudevent_header(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    let fields: Vec<(String, String)> =
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let kind = fields.iter().find(|(name, _)| name == "content-type").map(|(_, kind)| kind.clone());
    made(cloudevents::binary(&fields, kind.as_deref(), body.as_bytes()));
    made(cloudevents::binary(&fields, kind.as_deref(), data));
}

/// Lines of a bulk request.
pub fn bulk(data: &[u8]) {
    let mut lines = bulk::Lines::new("events");
    for (at, line) in data.split(|byte| *byte == b'\n').enumerate() {
        match lines.line(at as u64 + 1, Ok(line)) {
            Ok(Some((_, event))) => made(event),
            Ok(None) => {}
            Err(bulk::Malformed(why)) => return assert!(!why.is_empty()),
        }
    }
    let _ = lines.finish();
}

/// Log records in protobuf.
pub fn otlp(data: &[u8]) {
    walked(otlp::protobuf, data);
}

/// Log records in JSON.
pub fn otlp_json(data: &[u8]) {
    walked(otlp::json, data);
}

type Walk = fn(&[u8], &mut otlp::Sink<'_>) -> Result<(), Unmapped>;

fn walked(walk: Walk, data: &[u8]) {
    let mut left = 1000;
    let ended = walk(data, &mut |event| {
        made(event);
        left -= 1;
        left > 0
    });
    if let Err(why) = ended {
        assert!(!why.message.is_empty());
    }
}
