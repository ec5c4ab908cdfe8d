//! The files of a bundle that somebody else may have made: bounded, and each there once.

use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom};

use indelible_log::hex;
use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::read::ZipFile;

use super::limits::{
    BUNDLE_EVENTS_BYTES_MAX, BUNDLE_EVENTS_MAX, BUNDLE_FILE_BYTES_MAX, BUNDLE_OTHER_FILES_MAX,
};
use super::verify::BundleRefused;
use super::{BundledFile, EVENTS};

/// Bytes at the end of an archive that has no comment: the record that counts its files.
const END_BYTES: i64 = 22;

/// What the archive itself is called where it is at fault.
const ARCHIVE: &str = "the archive";

pub(super) struct Opened<R: Read + Seek> {
    zip: ZipArchive<R>,
    names: BTreeSet<String>,
}

impl<R: Read + Seek> Opened<R> {
    pub fn new(mut file: R) -> Result<Opened<R>, BundleRefused> {
        let bad = |why: String| BundleRefused::new(ARCHIVE, why);
        let End { count, directory } = End::read(&mut file).map_err(bad)?;
        let mut zip = ZipArchive::new(file).map_err(|e| bad(e.to_string()))?;
        // Tools differ in which of two files of one name they show, so there must not be two.
        if zip.len() != count || zip.has_duplicate_names() {
            return Err(bad("it has two files of one name".into()));
        }
        if count > BUNDLE_EVENTS_MAX + BUNDLE_OTHER_FILES_MAX {
            return Err(bad(format!("it has {count} files, and no bundle has so many")));
        }
        // Nor may those who go by the list at the end see other files than those who read from the front.
        let one = directory.is_none_or(|at| at == zip.central_directory_start());
        if zip.offset() != 0 || !one {
            return Err(bad("it has something before its files, or two lists of them".into()));
        }
        zip.validate_header_consistency().map_err(|e| bad(e.to_string()))?;
        let names = zip.file_names().map(|name| name.map(|name| name.into_owned()));
        let names = names.collect::<Result<_, _>>().map_err(|e| bad(e.to_string()))?;
        Ok(Opened { zip, names })
    }

    /// The paths of all files.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// A file's bytes as they unpack.
    pub fn file(&mut self, path: &str) -> Result<ZipFile<'_, R>, BundleRefused> {
        if !self.names.contains(path) {
            return Err(BundleRefused::new(path, "it is missing"));
        }
        self.zip.by_name(path).map_err(|e| BundleRefused::new(path, e.to_string()))
    }

    /// A file whole.
    pub fn read(&mut self, path: &str) -> Result<Vec<u8>, BundleRefused> {
        let mut bytes = Vec::new();
        let mut file = self.file(path)?.take(BUNDLE_FILE_BYTES_MAX + 1);
        file.read_to_end(&mut bytes).map_err(|e| BundleRefused::new(path, e.to_string()))?;
        if bytes.len() as u64 > BUNDLE_FILE_BYTES_MAX {
            let why = format!("it is larger than {BUNDLE_FILE_BYTES_MAX} bytes");
            return Err(BundleRefused::new(path, why));
        }
        Ok(bytes)
    }

    /// A file whole, as text.
    pub fn text(&mut self, path: &str) -> Result<String, BundleRefused> {
        String::from_utf8(self.read(path)?).map_err(|_| BundleRefused::new(path, "it is not UTF-8"))
    }

    /// What a file is: its length and its hash.
    pub fn sum(&mut self, path: &str) -> Result<BundledFile, BundleRefused> {
        let max = if path == EVENTS { BUNDLE_EVENTS_BYTES_MAX } else { BUNDLE_FILE_BYTES_MAX };
        let mut file = self.file(path)?;
        let (mut hash, mut bytes, mut chunk) = (Sha256::new(), 0, [0; 16 << 10]);
        loop {
            let read = file.read(&mut chunk);
            let len = read.map_err(|e| BundleRefused::new(path, e.to_string()))?;
            if len == 0 {
                break;
            }
            hash.update(&chunk[..len]);
            bytes += len as u64;
            if bytes > max {
                return Err(BundleRefused::new(path, format!("it is larger than {max} bytes")));
            }
        }
        let sha256 = hex::encode(&hash.finalize());
        Ok(BundledFile { path: path.to_owned(), bytes, sha256 })
    }
}

/// What the end of an archive says of it.
struct End {
    /// How many files there are.
    count: usize,
    /// Where the list of them begins; `None` where the archive is too large for this to say.
    directory: Option<u64>,
}

impl End {
    fn read<R: Read + Seek>(file: &mut R) -> Result<End, String> {
        let mut end = [0; END_BYTES as usize];
        let read = file.seek(SeekFrom::End(-END_BYTES)).and_then(|at| {
            file.read_exact(&mut end)?;
            Ok(at)
        });
        let at = read.map_err(|_| "it is no ZIP file".to_owned())?;
        if !end.starts_with(b"PK\x05\x06") {
            return Err("it does not end as a bundle does: cut off, or no bundle".into());
        }
        let count = usize::from(u16::from_le_bytes([end[10], end[11]]));
        let [length, start] =
            [12, 16].map(|at| u32::from_le_bytes([end[at], end[at + 1], end[at + 2], end[at + 3]]));
        let directory = (start != u32::MAX).then_some(u64::from(start));
        if directory.is_some_and(|start| start + u64::from(length) != at) {
            return Err("its list of files does not reach to its end".into());
        }
        Ok(End { count, directory })
    }
}
