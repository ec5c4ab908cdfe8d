//! What auditing every request costs a web service: the layer alone, in processor time, and a hello-world service at full load
//! over real sockets, bare, with the layer, and with the `INSERT` a request that people write today.

use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::post;
use indelible::tower::AuditLayer;
use indelible::{Embedded, Recorder, WhenFull};
use rustix::time::{ClockId, clock_gettime};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::generator::{Events, Generator};
use crate::http::{Address, Connection, JSON};
use crate::measure::median;
use crate::peers::postgres::Postgres;
use crate::peers::sqlite::Sqlite;
use crate::record::Nowhere;
use crate::table::{Table, thousands};

/// Connections of the load: enough that a waiting one leaves work for the others.
const CONNECTIONS: usize = 32;
/// Requests through the layer alone.
const CALLS: usize = 100_000;
/// The path that is asked for: one with an id in it, as paths have.
const PATH: &str = "/users/17/orders";

/// Measures and prints.
pub fn run(dir: &Path, seconds: u64, runs: usize) -> Result<()> {
    println!("{}", alone(runs)?.render());
    println!("{}", at_full_load(dir, Duration::from_secs(seconds), runs)?.render());
    Ok(())
}

/// Processor time so far, of this thread or of the whole process.
fn cpu(of: ClockId) -> Duration {
    let time = clock_gettime(of);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

fn alone(runs: usize) -> Result<Table> {
    let heading =
        ["processor time a request, in process (ns)", "the caller's thread", "all threads"];
    let mut table = Table::new(&heading);
    let runtime = Builder::new_current_thread().build()?;
    let bare =
        service_fn(|_: Request| async { Ok::<_, Infallible>(Response::new("hello".to_owned())) });
    let without = calls(&runtime, runs, bare);
    let recorder = recorder(None)?;
    let with = calls(&runtime, runs, AuditLayer::new(recorder.clone()).layer(bare));
    recorder.close_within(Duration::from_secs(60)).wait()?;
    let lost: u64 = recorder.losses().iter().map(|loss| loss.count).sum();
    for (name, times) in
        [("a service that says hello", without), ("the same behind the layer", with)]
    {
        table.row(&[name.into(), thousands(times.0 as u64), thousands(times.1 as u64)]);
    }
    let layer = [with.0 - without.0, with.1 - without.1].map(|ns| thousands(ns.max(0.0) as u64));
    table.row(&[format!("the layer ({lost} events lost)"), layer[0].clone(), layer[1].clone()]);
    Ok(table)
}

/// Nanoseconds of processor time a call: of this thread, and of all of this process with the recorder's work.
fn calls<S, B>(runtime: &Runtime, runs: usize, service: S) -> (f64, f64)
where
    S: Service<Request, Response = axum::http::Response<B>, Error = Infallible> + Clone,
    B: axum::body::HttpBody + Unpin,
{
    let run = || {
        let before = (cpu(ClockId::ThreadCPUTime), cpu(ClockId::ProcessCPUTime));
        runtime.block_on(async {
            for number in 0..CALLS {
                let request = Request::builder()
                    .method("POST")
                    .uri(PATH)
                    .header("user-agent", "hello/1.0")
                    .header("x-correlation-id", "corr-7f3a")
                    .body(axum::body::Body::empty());
                let Ok(request) = request else { return };
                let Ok(response) = service.clone().oneshot(request).await;
                // The layer is done when the body is.
                let mut body = response.into_body();
                while let Some(frame) =
                    std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await
                {
                    drop(frame);
                }
                // Slower than it can be recorded, so that nothing is dropped and everything is counted.
                if number % 1_000 == 999 {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        });
        let after = (cpu(ClockId::ThreadCPUTime), cpu(ClockId::ProcessCPUTime));
        let each = |from: Duration, to: Duration| (to - from).as_nanos() as f64 / CALLS as f64;
        (each(before.0, after.0), each(before.1, after.1))
    };
    run();
    let (mut own, mut all): (Vec<f64>, Vec<f64>) = (0..runs.max(1)).map(|_| run()).unzip();
    (median(&mut own), median(&mut all))
}

/// A recorder that keeps nothing, or keeps a trail there.
fn recorder(dir: Option<&Path>) -> Result<Recorder> {
    let builder = match dir {
        Some(dir) => Recorder::builder(Embedded::open(dir)?),
        None => Recorder::builder(Nowhere),
    };
    Ok(builder.when_full(WhenFull::Drop).build()?)
}

fn at_full_load(dir: &Path, time: Duration, runs: usize) -> Result<Table> {
    let heading = ["hello world in axum at full load", "requests/s", "of bare", "lost", "note"];
    let mut table = Table::new(&heading);
    let hello = || Router::new().route("/users/{id}/orders", post(|| async { "hello" }));
    let bare = rate(&hello(), time, runs)?;
    let mut row = |name: &str, rate: f64, lost: u64, note: &str| {
        let share = format!("{:.0} %", 100.0 * rate / bare);
        table.row(&[name.into(), thousands(rate as u64), share, thousands(lost), note.into()]);
    };
    row("bare", bare, 0, "");
    let data = tempfile::tempdir_in(dir)?;
    let layers = [
        ("AuditLayer, null transport", None),
        ("AuditLayer, a trail in this process", Some("audit")),
    ];
    for (name, place) in layers {
        let recorder = recorder(place.map(|place| data.path().join(place)).as_deref())?;
        let rate = rate(&hello().layer(AuditLayer::new(recorder.clone())), time, runs)?;
        recorder.close_within(Duration::from_secs(60)).wait()?;
        let lost = recorder.losses().iter().map(|loss| loss.count).sum();
        row(
            name,
            rate,
            lost,
            if place.is_some() { "durable, proved, indexed; in batches" } else { "" },
        );
    }
    let sqlite = Inserts::new(Sqlite::create(dir)?, |sqlite, event| {
        let _ = sqlite.append(event, 1);
    });
    let with = hello().layer(from_fn_with_state(sqlite, insert_first));
    row("INSERT a request, SQLite", rate(&with, time, runs)?, 0, "durable before the answer");
    if Postgres::find().is_some() {
        let postgres = Postgres::start(dir)?;
        let mut wire = postgres.connect()?;
        wire.query(&Postgres::prepare_insert())?;
        let inserts = Inserts::new(wire, |wire, event| {
            let _ = Postgres::insert(event.get(0)).and_then(|statement| wire.query(&statement));
        });
        let with = hello().layer(from_fn_with_state(inserts, insert_first));
        row(
            "INSERT a request, PostgreSQL",
            rate(&with, time, runs)?,
            0,
            "durable before the answer, one connection",
        );
    }
    Ok(table)
}

/// The middleware that people write: an `INSERT`, then the answer.
#[derive(Clone)]
struct Inserts(Arc<dyn Fn() + Send + Sync>);

impl Inserts {
    fn new<D: Send + 'static>(
        database: D,
        insert: impl Fn(&mut D, &Events) + Send + Sync + 'static,
    ) -> Inserts {
        let database = Mutex::new((database, Generator::new(1)));
        Inserts(Arc::new(move || {
            if let Ok(mut database) = database.lock() {
                let event = database.1.take(1);
                insert(&mut database.0, &event);
            }
        }))
    }
}

async fn insert_first(State(inserts): State<Inserts>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let _ = tokio::task::spawn_blocking(move || (inserts.0)()).await;
    response
}

/// Requests a second over real sockets, the median of some runs.
fn rate(app: &Router, time: Duration, runs: usize) -> Result<f64> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let host = listener.local_addr()?.to_string();
    let app = app.clone();
    runtime.spawn(async move { axum::serve(listener, app).await });
    let address = Address { host, key: "none".into() };
    let mut rates = Vec::new();
    for _ in 0..runs.max(1) {
        rates.push(load(&address, time)?);
    }
    runtime.shutdown_timeout(Duration::from_secs(5));
    Ok(median(&mut rates))
}

fn load(address: &Address, time: Duration) -> Result<f64> {
    let start = Instant::now();
    let one = || -> Result<usize> {
        let mut connection = Connection::open(address)?;
        let mut count = 0;
        while start.elapsed() < time {
            let answer = connection.post(PATH, JSON, b"{}").context("the service hung up")?;
            anyhow::ensure!(answer.status == 200, "it said {}", answer.status);
            count += 1;
        }
        Ok(count)
    };
    let count: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(one)).collect();
        let counts = threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow!("a caller panicked"))?);
        counts.sum::<Result<usize>>()
    })?;
    Ok(count as f64 / start.elapsed().as_secs_f64())
}
