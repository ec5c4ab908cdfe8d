//! `indelible serve`: a directory behind HTTP, until somebody ends it.

mod day;

use std::path::Path;
use std::sync::Arc;

use indelible_relay::Connections;
use indelible_server::{
    Config, JwksSource, JwtAlgorithm, JwtConfig, Running, Server, Stopped, Tls,
};
use indelible_store::{InitOptions, Store};
use serde::Serialize;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::{Global, Serve};
use crate::failure::Failure;
use crate::files::Scratch;
use crate::out::{self, Out};
use crate::{files, init};

/// How a JWT may be signed here: by keys that verify in public. What a token says of itself decides nothing.
const ALGORITHMS: [JwtAlgorithm; 3] =
    [JwtAlgorithm::Rs256, JwtAlgorithm::Es256, JwtAlgorithm::EdDsa];
/// The claims that name role and trails.
const ROLE_CLAIM: &str = "role";
const TRAILS_CLAIM: &str = "trails";

/// What is told once it serves.
#[derive(Serialize)]
pub struct Serving {
    address: String,
    data: String,
    new: bool,
    admin_link: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

pub fn run(global: &Global, out: &mut Out, args: &Serve) -> Result<(), Failure> {
    listen_to_warnings();
    let config = config(args)?;
    if !args.demo {
        return serve(global, out, args, config);
    }
    if global.data_named {
        if !files::is_free(&global.data).map_err(Failure::io(global.data.display()))? {
            let data = global.data.display();
            return Err(Failure::cannot(format_args!(
                "{data}: not empty; the demo wants a directory of its own"
            )));
        }
        return serve(global, out, args, config);
    }
    // Gone at the end, also after a failure.
    let scratch = Scratch::new(None)?;
    let global = Global { data: scratch.dir("demo"), guard: None, ..*global };
    serve(&global, out, args, config)
}

fn serve(global: &Global, out: &mut Out, args: &Serve, config: Config) -> Result<(), Failure> {
    let new = !global.has_log();
    if new {
        make(global, args.demo)?;
    }
    let store = Arc::new(global.writer(args.accept_rollback)?);
    let running = Server::start(store.clone(), config).map_err(Failure::cannot)?;
    // Rules look at what is recorded from here on: so that the demo has alerts, its day comes after.
    let events = if args.demo { Some(day::append(&store)?) } else { None };
    let key = if args.demo { Some(day::key(&running)?) } else { None };
    let serving = Serving {
        address: address(&running, args),
        data: global.data.display().to_string(),
        new,
        admin_link: running.admin_link(),
        key,
    };
    tell(out, &serving, events)?;
    let stopped = running.wait();
    if stopped == Stopped::Asked {
        out::note(format_args!("stopping: requests are finished, and what is durable is signed"));
    }
    let shut = running.shutdown().map_err(Failure::cannot);
    let closed = match Arc::into_inner(store) {
        Some(store) => store.close().map_err(Failure::from),
        // A thread that still holds it closes it when it ends.
        None => Ok(()),
    };
    match stopped {
        Stopped::Asked => {
            shut.and(closed)?;
            out::note(format_args!("stopped"));
            Ok(())
        }
        Stopped::Poisoned(why) => Err(Failure::Cannot {
            why: format!("nothing can be written any more: {why}"),
            hint: Some(
                "nothing that was acknowledged is lost; a new start recovers the log".into(),
            ),
        }),
        Stopped::Failed(why) => Err(Failure::cannot(why)),
    }
}

fn make(global: &Global, demo: bool) -> Result<(), Failure> {
    let origin = if demo { crate::demo::ORIGIN.to_owned() } else { init::host_name() };
    let (seams, options) = (global.seams(), InitOptions { origin });
    match global.guard_storage() {
        Some(guard) => Store::init_with_guard(&seams, &guard, &options)?,
        None => Store::init(&seams, &options)?,
    }
    Ok(())
}

fn config(args: &Serve) -> Result<Config, Failure> {
    let tls = args.tls_cert.clone().zip(args.tls_key.clone());
    let jwt = match (&args.jwks, &args.jwt_issuer, &args.jwt_audience) {
        (Some(jwks), Some(issuer), Some(audience)) => Some(JwtConfig {
            jwks: match Path::new(jwks) {
                _ if jwks.starts_with("https://") || jwks.starts_with("http://") => {
                    JwksSource::Url(jwks.clone())
                }
                file => JwksSource::File(file.to_owned()),
            },
            issuer: issuer.clone(),
            audience: audience.clone(),
            algorithms: ALGORITHMS.to_vec(),
            role_claim: ROLE_CLAIM.into(),
            trails_claim: TRAILS_CLAIM.into(),
        }),
        _ => None,
    };
    Ok(Config {
        listen: args.listen,
        tls: tls.map(|(cert, key)| Tls { cert, key }),
        public_url: args.public_url.clone(),
        jwt,
        public_metrics: args.public_metrics,
        connections: args.connections.as_deref().map_or(Ok(Connections::default()), described)?,
        rules: args.rules.clone(),
        ..Config::default()
    })
}

/// What a file describes.
pub fn described(file: &Path) -> Result<Connections, Failure> {
    Connections::read(file).map_err(|e| Failure::Cannot {
        why: e.to_string(),
        hint: Some("docs/connect.md describes the file; `indelible stream check` reads it".into()),
    })
}

fn address(running: &Running, args: &Serve) -> String {
    let scheme = if args.tls_cert.is_some() { "https" } else { "http" };
    format!("{scheme}://{}", running.addr)
}

fn tell(out: &mut Out, serving: &Serving, events: Option<usize>) -> Result<(), Failure> {
    if out.is_json() {
        out.object(serving)?;
        return out.flush();
    }
    let Serving { address, data, new, admin_link, .. } = serving;
    out.line(format_args!("Indelible listens on {address}\n"))?;
    let made = if *new { "  (a new log)" } else { "" };
    out.line(format_args!("  data   {data}{made}"))?;
    out.line(format_args!("  admin  {admin_link}"))?;
    out.line("         good once, within 30 minutes")?;
    if let (Some(key), Some(events)) = (&serving.key, events) {
        day::tell(out, address, key, events)?;
    }
    out.line("\nCtrl-C stops it.")?;
    out.flush()
}

/// What the server warns of goes to standard error, a line each.
fn listen_to_warnings() {
    let lines = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_target(false)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .finish();
    // A session with a broker that ended is told by us, with what to do; its client says the same as an error of its own.
    let ours =
        tracing_subscriber::filter::filter_fn(|about| !about.target().starts_with("async_nats"));
    // Only a test that runs several of these in one process could have set one before.
    let _ = lines.with(ours).try_init();
}
