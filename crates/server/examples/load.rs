//! Measures a node over its socket, client and node on one machine: single events over 64 connections, then
//! NDJSON in bulk. `cargo run --release -p indelible-server --example load [SECONDS]`

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use indelible_log::{Clock, Seams, SystemClock};
use indelible_server::{Config, NewKey, Server};
use indelible_store::{InitOptions, OpenOptions, Store};

const CONNECTIONS: usize = 64;
const LINES: u64 = 5000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds: f64 = std::env::args().nth(1).map_or(Ok(5.0), |text| text.parse())?;
    let dir = tempfile::tempdir()?;
    let seams = Seams::real(dir.path());
    Store::init(&seams, &InitOptions { origin: "audit.example.com".into() })?;
    let store = Arc::new(Store::open(seams, OpenOptions::default())?);
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let running = Server::start(store.clone(), Config { listen, ..Config::default() })?;
    let (role, name) = ("writer".into(), "load".into());
    let key = running.make_key(&NewKey { role, name, trails: None, expires_at: None })?;
    let event = r#"{"action":"backup.delete","user_id":"maria","resource_type":"backup","resource_id":"db-0417","status":"success","ip_address":"192.0.2.7","metadata":{"reason":"retention","size":1048576}}"#;
    let single = request(&key, "application/json", event.as_bytes());
    let (count, elapsed) = measure(running.addr, CONNECTIONS, &single, seconds)?;
    println!("single events, {CONNECTIONS} connections: {:.0}/s", count as f64 / elapsed);
    let lines = format!("{event}\n").repeat(LINES as usize);
    let bulk = request(&key, "application/x-ndjson", lines.as_bytes());
    for connections in [1, 2, 4] {
        let (count, elapsed) = measure(running.addr, connections, &bulk, seconds)?;
        let rate = (count * LINES) as f64 / elapsed;
        println!("NDJSON of {LINES} lines, {connections} connections: {rate:.0} events/s");
    }
    running.shutdown()?;
    if let Some(store) = Arc::into_inner(store) {
        store.close()?;
    }
    Ok(())
}

fn request(key: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /api/audit/logs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Type: {kind}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Sends the request over and over, each connection by itself: how often it was answered, and for how long.
fn measure(
    addr: SocketAddr,
    connections: usize,
    request: &[u8],
    seconds: f64,
) -> std::io::Result<(u64, f64)> {
    let (stop, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let started = SystemClock.now().0;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..connections)
            .map(|_| scope.spawn(|| client(addr, request, &stop, &count)))
            .collect();
        while ((SystemClock.now().0 - started) as f64) < seconds * 1e6 {
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.join().map_err(|_| std::io::Error::other("a client broke off"))??;
        }
        Ok((count.load(Ordering::Relaxed), (SystemClock.now().0 - started) as f64 / 1e6))
    })
}

fn client(
    addr: SocketAddr,
    request: &[u8],
    stop: &AtomicBool,
    count: &AtomicU64,
) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 4 << 20];
    while !stop.load(Ordering::Relaxed) {
        stream.write_all(request)?;
        let mut filled = 0;
        let end = loop {
            let len = stream.read(&mut buffer[filled..])?;
            if len == 0 {
                return Err(std::io::Error::other("the node closed the connection"));
            }
            filled += len;
            if let Some(end) = answer_end(&buffer[..filled]) {
                break end;
            }
        };
        if !buffer.starts_with(b"HTTP/1.1 201") {
            return Err(std::io::Error::other(
                String::from_utf8_lossy(&buffer[..end]).into_owned(),
            ));
        }
        // The rest of a long answer is read over what came before it.
        let mut left = end.saturating_sub(filled);
        while left > 0 {
            let room = left.min(buffer.len());
            left -= stream.read(&mut buffer[..room])?;
        }
        count.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Where an answer ends, once its head is there.
fn answer_end(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).ok()?.to_ascii_lowercase();
    let length = text.split("content-length: ").nth(1)?.split("\r\n").next()?;
    Some(head + length.parse::<usize>().ok()?)
}
