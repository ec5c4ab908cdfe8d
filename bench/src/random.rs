//! Random numbers that are the same for ever: whole numbers only, since floats may round differently elsewhere.

/// SplitMix64: small, fast, good enough for test data, and never going to change under us.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The same seed draws the same numbers.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.0)
    }

    /// A number below `limit`; the bias is far below what any benchmark could see.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }
}

/// A number that looks random, always the same for the same number.
pub(crate) fn scramble(number: u64) -> u64 {
    let mut mixed = number;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Draws index k with a weight of 1/(k+1), by Walker's alias method in whole numbers.
#[derive(Debug)]
pub(crate) struct Zipf {
    /// For each column: where its own share ends (of 2^32), and who has the rest.
    columns: Vec<(u32, u32)>,
}

impl Zipf {
    /// Weights for this many indexes.
    pub(crate) fn new(count: usize) -> Self {
        let total: u128 = (0..count).map(|k| (1_u128 << 60) / (k as u128 + 1)).sum();
        // Each weight in parts of 2^32 of a column, so that the mean is exactly one column.
        let mut shares: Vec<u64> = (0..count)
            .map(|k| {
                (((1_u128 << 60) / (k as u128 + 1) * count as u128) << 32).div_euclid(total) as u64
            })
            .collect();
        let full = 1_u64 << 32;
        let mut columns: Vec<(u32, u32)> = (0..count as u32).map(|k| (u32::MAX, k)).collect();
        let mut small: Vec<usize> = (0..count).filter(|&k| shares[k] < full).collect();
        let mut large: Vec<usize> = (0..count).filter(|&k| shares[k] >= full).collect();
        while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
            columns[poor] = (shares[poor] as u32, rich as u32);
            shares[rich] -= full - shares[poor];
            if shares[rich] < full {
                large.pop();
                small.push(rich);
            }
        }
        Self { columns }
    }

    /// The next index.
    pub(crate) fn sample(&self, random: &mut Random) -> usize {
        let bits = random.next();
        let column = (((bits >> 32) * self.columns.len() as u64) >> 32) as usize;
        let (own, other) = self.columns[column];
        if (bits as u32) < own { column } else { other as usize }
    }
}
