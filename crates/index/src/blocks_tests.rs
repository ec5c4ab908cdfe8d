//! Blocks show every row once, with the time it has by itself, in memory as in a file.

use std::convert::Infallible;

use indelible_event::{Entry, EventId, Micros, Outcome};
use roaring::RoaringBitmap;

use super::{Occurred, each_block};
use crate::index::BLOCK_ROWS;
use crate::{Doc, Frozen, Index, Live};

const ROWS: u32 = 5 * BLOCK_ROWS + 77;

/// Times that are close together, far apart, all the same, and of before 1970.
fn occurred(row: u32) -> i64 {
    let at = i64::from(row);
    match row / BLOCK_ROWS {
        0 => at,
        1 => at * 700_000_000,
        2 => 5,
        3 => (at * 7_919) % 1_000 - 500,
        _ => -at * 86_400_000_000,
    }
}

fn live() -> Live {
    let mut live = Live::new(7);
    for row in 0..ROWS {
        let entry = Entry {
            id: EventId::default(),
            recorded_at: Micros(i64::from(row)),
            occurred_at: Some(Micros(occurred(row))),
            action: "user.login",
            category: None,
            outcome: Outcome::Success,
            phase: None,
            reference: None,
            source: None,
            recorded_by: None,
            parts_hash: [0; 32],
        };
        let doc = Doc { pos: row.into(), trail: 1, trail_name: "", entry, parts: [None; 3] };
        live.push(&doc);
    }
    live
}

#[test]
fn each_row_is_shown_once_with_its_time() {
    let live = live();
    let mut bytes = Vec::new();
    live.freeze(&mut (0..ROWS), &mut bytes).unwrap();
    let frozen = Frozen::open(bytes.into()).unwrap();
    let mut all = RoaringBitmap::new();
    all.insert_range(0..ROWS);
    let third: RoaringBitmap = (0..ROWS).filter(|row| row % 3 == 1).collect();
    let few: RoaringBitmap = (0..ROWS).filter(|row| row % 900 == 5).collect();
    let ends: RoaringBitmap = [0, BLOCK_ROWS - 1, BLOCK_ROWS, ROWS - 1].into();
    for rows in [all, third, few, ends, RoaringBitmap::new()] {
        for index in [&live as &dyn Index, &frozen] {
            let (mut occurred_of, mut shown) = (Occurred::new(index), Vec::new());
            let done = each_block(&rows, |block| {
                let (first, last) = index.occurred_bounds(block.number);
                occurred_of.each(&block, &rows, |row, at| {
                    assert!(block.rows.contains(&row) && first.0 <= at && at <= last.0, "{row}");
                    assert_eq!(at, occurred(row));
                    shown.push(row);
                });
                Ok::<_, Infallible>(())
            });
            assert_eq!(done, Ok(()));
            assert_eq!(shown, rows.iter().collect::<Vec<_>>());
        }
    }
    frozen.sound().unwrap();
}

#[test]
fn the_last_rows_of_all_have_a_block() {
    let rows: RoaringBitmap = [u32::MAX - 1].into();
    let mut blocks = Vec::new();
    each_block(&rows, |block| {
        blocks.push((block.number, block.count));
        Ok::<_, Infallible>(())
    })
    .unwrap();
    assert_eq!(blocks, [(u32::MAX / BLOCK_ROWS, 1)]);
}
