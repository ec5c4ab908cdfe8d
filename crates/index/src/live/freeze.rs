//! A live map, or some of its rows, becomes a file.

use std::io::{self, Write};

use super::lexicon::{NONE, Place, Record};
use super::{FIELDS, Live, path_number};
use crate::doc::Field;
use crate::facet::Facet;
use crate::frozen::{
    Facts, FileWriter, PosRuns, TermWriter, Times, unique_key, write_facet, write_partial,
    write_unique,
};
use crate::limits::ROWS_MAX;

/// From this number on fields are unique ones.
const FIRST_UNIQUE: usize = 128;

impl Live {
    /// Writes the frozen map of some of its rows, given ascending, as one file. Deterministic: the same
    /// records give the same bytes, however they got here.
    pub fn freeze(
        &self,
        rows: &mut dyn Iterator<Item = u32>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let rows = self.chosen(rows)?;
        let mut out = FileWriter::new(out)?;
        let sorted = self.sorted_terms();
        let mut new_rows = vec![NONE; self.columns.recorded.len()];
        for (new, &row) in rows.iter().enumerate() {
            new_rows[row as usize] = new as u32;
        }
        let pairs = self.sorted_pairs(&new_rows, &sorted);
        let mut chosen = Chosen { live: self, new_rows, pairs, start: 0, list: Vec::new() };
        self.write_terms(&sorted, &mut chosen, &mut out)?;
        let mut unique = self.unique_keys(&sorted, &mut chosen);
        drop((sorted, chosen));
        unique.sort_unstable();
        unique.dedup();
        let entries = unique.len() as u64;
        let count = rows.len() as u32;
        write_unique(&mut out, entries, count, &mut unique.into_iter().map(Ok))?;

        let columns = &self.columns;
        let mut places = PosRuns::default();
        rows.iter().for_each(|&row| places.push(columns.pos.pos(row)));
        places.write(&mut out)?;
        let mut recorded = rows.iter().map(|&row| Ok(columns.recorded[row as usize].0));
        Times::Recorded.write(&mut out, &mut recorded)?;
        let mut times = rows.iter().map(|&row| Ok(columns.occurred[row as usize].0));
        let occurred = Times::Occurred.write(&mut out, &mut times)?;
        let is_partial = |row: &u32| self.partial.contains(rows[*row as usize]);
        let partial: Vec<u32> = (0..count).filter(is_partial).collect();
        write_partial(&partial, &mut out)?;
        for facet in Facet::ALL {
            self.freeze_facet(facet, &rows, &mut out)?;
        }
        out.finish(&Facts { rows: count, unique: entries, occurred })
    }

    fn chosen(&self, rows: &mut dyn Iterator<Item = u32>) -> io::Result<Vec<u32>> {
        let rows: Vec<u32> = rows.collect();
        let here = rows.last().is_none_or(|&last| (last as usize) < self.columns.recorded.len());
        if !here || !rows.is_sorted_by(|one, next| one < next) || rows.len() > ROWS_MAX as usize {
            let what = "the rows to freeze do not ascend, or are not all there";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        Ok(rows)
    }

    /// All terms: by field, the values of each in order.
    fn sorted_terms(&self) -> Vec<Vec<Place>> {
        let path_ranks = self.path_ranks();
        (0..FIELDS).map(|field| self.sorted_field(field, &path_ranks)).collect()
    }

    /// The places of a field's values in order.
    fn sorted_field(&self, field: usize, path_ranks: &[u32]) -> Vec<Place> {
        let lexicon = &self.fields[field];
        let of_paths = field == Field::Path as usize;
        let rest = |text| if of_paths { path_number(text).1 } else { text };
        // The beginning of a value decides nearly always, and is at hand without reading the arena.
        let mut keys: Vec<(u32, u64, Place)> = Vec::with_capacity(lexicon.len());
        for record in lexicon.iter() {
            let path = if of_paths { path_ranks[path_number(record.text).0 as usize] } else { 0 };
            keys.push((path, beginning(rest(record.text)), record.place));
        }
        keys.sort_unstable_by(|one, other| {
            let text = |place: Place| rest(lexicon.record(place).text);
            (one.0, one.1).cmp(&(other.0, other.1)).then_with(|| text(one.2).cmp(text(other.2)))
        });
        keys.into_iter().map(|key| key.2).collect()
    }

    /// Each path's place among all in order.
    fn path_ranks(&self) -> Vec<u32> {
        let mut order: Vec<(&[u8], usize)> =
            self.paths.iter().enumerate().map(|(number, path)| (path, number)).collect();
        order.sort_unstable();
        let mut ranks = vec![0; order.len()];
        for (rank, (_, number)) in order.into_iter().enumerate() {
            ranks[number] = rank as u32;
        }
        ranks
    }

    /// Sorts the chosen rows by term, in the order of the terms: each that has a chain has as much room
    /// as it has pairs, and its rows stand at the end of it, after as many `NONE` as rows of it were not
    /// chosen.
    ///
    /// The log is read once, backwards. Where a pair's row goes is known from the pair after it in its
    /// chain, which was read before; chains are never walked.
    fn sorted_pairs(&self, new_rows: &[u32], sorted: &[Vec<Place>]) -> Vec<u32> {
        let before = self.chains.before();
        // One more than the place of a pair's row; zero for a chain that has become a list.
        let mut ends = vec![0_u32; before.len()];
        let mut end = 0;
        for (lexicon, places) in self.fields.iter().zip(sorted) {
            for &place in places {
                let record = lexicon.record(place);
                if self.list(&record).is_none() {
                    end += record.pairs;
                    ends[record.newest as usize] = end;
                }
            }
        }
        let mut pairs = vec![NONE; before.len()];
        let starts = self.chains.starts();
        let mut row_end = before.len();
        for (&start, &row) in starts.iter().zip(new_rows).rev() {
            for pair in (start as usize..row_end).rev() {
                let mut end = ends[pair];
                if end == 0 {
                    continue;
                }
                if row != NONE {
                    end -= 1;
                    pairs[end as usize] = row;
                }
                if let Some(earlier) = ends.get_mut(before[pair] as usize) {
                    *earlier = end;
                }
            }
            row_end = start as usize;
        }
        pairs
    }

    fn write_terms(
        &self,
        sorted: &[Vec<Place>],
        chosen: &mut Chosen<'_>,
        out: &mut FileWriter<'_>,
    ) -> io::Result<()> {
        let mut writer = TermWriter::default();
        let (mut key, mut value) = (Vec::new(), Vec::new());
        for (field, places) in sorted.iter().enumerate().take(FIRST_UNIQUE) {
            for &place in places {
                let record = self.fields[field].record(place);
                let rows = chosen.next(&record);
                if rows.is_empty() {
                    continue;
                }
                key.clear();
                key.push(field as u8);
                if field == Field::Path as usize {
                    self.whole(record.text, &mut value);
                    key.extend_from_slice(&value);
                } else {
                    key.extend_from_slice(record.text);
                }
                writer.add(out, &key, rows)?;
            }
        }
        writer.finish(out)
    }

    /// To be called after the terms were written, since rows come in the order of the fields.
    fn unique_keys(&self, sorted: &[Vec<Place>], chosen: &mut Chosen<'_>) -> Vec<u64> {
        let mut keys = Vec::new();
        for (lexicon, places) in self.fields.iter().zip(sorted).skip(FIRST_UNIQUE) {
            for &place in places {
                let record = lexicon.record(place);
                let hash = record.text.first_chunk().map_or(0, |hash| u64::from_le_bytes(*hash));
                keys.extend(chosen.next(&record).iter().map(|&row| unique_key(hash, row)));
            }
        }
        keys
    }

    fn freeze_facet(&self, facet: Facet, rows: &[u32], out: &mut FileWriter<'_>) -> io::Result<()> {
        let column = &self.facets[facet as usize];
        let mut old_counts = vec![0_u32; column.values.len() as usize + 1];
        for &row in rows {
            old_counts[column.codes[row as usize] as usize] += 1;
        }
        let mut values: Vec<(&[u8], usize)> = column
            .values
            .iter()
            .enumerate()
            .map(|(number, value)| (value, number + 1))
            .filter(|(_, code)| old_counts[*code] > 0)
            .collect();
        values.sort_unstable();
        let mut new_codes = vec![0_u32; old_counts.len()];
        let mut counts = vec![old_counts[0]];
        for (index, (_, code)) in values.iter().enumerate() {
            new_codes[*code] = index as u32 + 1;
            counts.push(old_counts[*code]);
        }
        let mut codes = rows.iter().map(|&row| Ok(new_codes[column.codes[row as usize] as usize]));
        let values = values.iter().map(|(value, _)| *value);
        write_facet(out, facet as usize, &mut codes, values, &counts)
    }
}

/// The chosen rows of one term after the other.
struct Chosen<'a> {
    live: &'a Live,
    /// What each row becomes, or `NONE`.
    new_rows: Vec<u32>,
    /// Of the terms that have chains, in order.
    pairs: Vec<u32>,
    start: usize,
    list: Vec<u32>,
}

impl Chosen<'_> {
    /// Those of the next term.
    fn next(&mut self, record: &Record<'_>) -> &[u32] {
        if let Some(list) = self.live.list(record) {
            self.list.clear();
            list.append_to(&mut self.list);
            self.list.iter_mut().for_each(|row| *row = self.new_rows[*row as usize]);
            self.list.retain(|&row| row != NONE);
            return &self.list;
        }
        let room = &self.pairs[self.start..][..record.pairs as usize];
        self.start += room.len();
        &room[room.iter().take_while(|&&row| row == NONE).count()..]
    }
}

/// The first eight bytes as a number that sorts as they do.
fn beginning(text: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let length = text.len().min(8);
    bytes[..length].copy_from_slice(&text[..length]);
    u64::from_be_bytes(bytes)
}
