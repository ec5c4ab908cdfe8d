//! `indelible prove` and `prove consistency`

use std::path::Path;

use indelible_event::TrailName;
use indelible_log::record::Seq;
use indelible_merkle::TreeSize;
use serde::Serialize;

use crate::args::{Global, Prove, ProveCommand, ProveConsistency};
use crate::failure::Failure;
use crate::files;
use crate::out::{self, Out};

#[derive(Serialize)]
struct Proven<'a> {
    trail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    vkey: &'a str,
    proof: &'a str,
}

pub fn run(global: &Global, out: &mut Out, args: &Prove) -> Result<(), Failure> {
    if let Some(ProveCommand::Consistency(sizes)) = &args.command {
        return consistency(global, out, args, sizes);
    }
    let name = &args.trail;
    let (seq, proof, vkey) = global.read(|reader| {
        let trail = reader.trail(name)?;
        let seq = match (args.seq, args.id) {
            (Some(seq), _) => Seq(seq),
            (None, Some(id)) => reader.find(&trail, id)?,
            (None, None) => unreachable!("the group of arguments requires one of the two"),
        };
        Ok((seq, reader.prove(&trail, seq, &args.redact)?, reader.vkey(&trail)?.to_string()))
    })?;
    hand_over(out, name, Some(seq.0), "proof", (&proof, &vkey), args.out.as_deref())
}

fn consistency(
    global: &Global,
    out: &mut Out,
    args: &Prove,
    sizes: &ProveConsistency,
) -> Result<(), Failure> {
    if args.seq.is_some() || args.id.is_some() || !args.redact.is_empty() {
        let why = "--seq, --id and --redact are about one event; prove consistency is about the whole trail";
        return Err(Failure::Usage(why.into()));
    }
    let (proof, vkey) = global.read(|reader| {
        let trail = reader.trail(&args.trail)?;
        let proof =
            reader.prove_consistency(&trail, TreeSize(sizes.from), sizes.to.map(TreeSize))?;
        Ok((proof, reader.vkey(&trail)?.to_string()))
    })?;
    hand_over(out, &args.trail, None, "consistency", (&proof, &vkey), args.out.as_deref())
}

fn hand_over(
    out: &mut Out,
    trail: &TrailName,
    seq: Option<u64>,
    kind: &str,
    (proof, vkey): (&str, &str),
    to: Option<&Path>,
) -> Result<(), Failure> {
    if let Some(to) = to {
        files::write(to, proof.as_bytes())?;
    }
    if out.is_json() {
        return out.object(&Proven { trail: trail.as_str(), seq, vkey, proof });
    }
    match to {
        None => out.bytes(proof.as_bytes()),
        Some(to) => {
            let to = to.display();
            out::note(format_args!(
                "wrote {to}; anybody can check it with:\n  indelible verify {kind} {to} --key {vkey}"
            ));
            Ok(())
        }
    }
}
