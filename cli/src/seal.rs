//! `indelible seal`

use serde::Serialize;

use crate::args::Global;
use crate::failure::Failure;
use crate::out::{Out, grouped};

#[derive(Serialize)]
struct Sealed {
    records: u64,
}

pub fn run(global: &Global, out: &mut Out) -> Result<(), Failure> {
    let store = global.writer(false)?;
    store.log().seal()?;
    store.log().merge_now()?;
    let records = store.reader().trails().iter().map(|t| t.size.0).sum();
    store.close()?;
    if out.is_json() {
        return out.object(&Sealed { records });
    }
    let place = global.data.join(indelible_log::manifest::SEGMENTS);
    out.line(format_args!(
        "all {} records are in segments now, in {}",
        grouped(records),
        place.display()
    ))
}
