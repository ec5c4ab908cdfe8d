//! Counting by code is counting one row after the other, however the rows lie and the codes are written.

use roaring::RoaringBitmap;

use super::Codes;

fn sets() -> Vec<RoaringBitmap> {
    let scattered = (0..200_000_u32).filter(|row| row.wrapping_mul(0x9e37_79b9) >> 30 == 0);
    let mut runs = RoaringBitmap::new();
    for start in (0..190_000).step_by(3_000) {
        runs.insert_range(start..start + 1_000);
        runs.insert(start + 2_000);
    }
    let mut full = RoaringBitmap::new();
    full.insert_range(0..200_000);
    let mut beyond = full.clone();
    beyond.insert_range(199_990..500_000);
    // A short run, then as many rows as can be kept together, and some more.
    let mut after = RoaringBitmap::from([7, 9, 65_530]);
    after.insert_range(65_536..131_072);
    after.insert(131_080);
    vec![RoaringBitmap::new(), [7].into(), scattered.collect(), runs, full, beyond, after]
}

#[test]
fn codes_of_every_width_are_counted() {
    for width in 1..=4_usize {
        let values = [100_u32, 200, 60_000, 70_000, 70_000][width];
        let plain: Vec<u32> =
            (0..200_000_u32).map(|row| row.wrapping_mul(2_654_435_761) % values).collect();
        let bytes: Vec<u8> =
            plain.iter().flat_map(|code| code.to_le_bytes()[..width].to_vec()).collect();
        let packed = Codes::Packed { bytes: &bytes, width };
        for rows in sets() {
            // Fewer counts than codes: the others are not counted.
            for codes in [values, values / 2] {
                let mut right = vec![1_u32; codes as usize];
                for row in rows.iter().filter(|row| *row < 200_000) {
                    let code = plain[row as usize] as usize;
                    right.get_mut(code).into_iter().for_each(|count| *count += 1);
                }
                for column in [packed, Codes::Plain(&plain)] {
                    let mut counts = vec![1; codes as usize];
                    column.count(&rows, &mut counts);
                    assert!(counts == right, "{width} bytes, {} rows", rows.len());
                }
            }
        }
    }
}
