pub mod ocsf {
    pub fn line(_: &indelible_connect::Event, json: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(json.as_bytes());
        out.push(b'\n');
    }
}
