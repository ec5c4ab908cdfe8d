pub mod csv {
    pub fn header() -> &'static str {
        "recorded_at,trail,seq\r\n"
    }
    pub fn row(event: &indelible_connect::Event, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{},{},{}\r\n", event.recorded_at, event.trail, event.seq).as_bytes());
    }
}
pub mod ocsf {
    pub fn line(_: &indelible_connect::Event, json: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(json.as_bytes());
        out.push(b'\n');
    }
}
