//! Files into a ZIP, front to back, each hashed on its way.

use std::io::{self, Write};

use indelible_log::hex;
use sha2::{Digest, Sha256};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::BundledFile;

/// Writes files one behind the other, without ever going back.
pub(super) struct Writer<W: Write> {
    zip: ZipWriter<StreamWriter<W>>,
    files: Vec<BundledFile>,
    open: Option<Open>,
}

/// The file being written.
struct Open {
    path: String,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Writer<W> {
    pub fn new(out: W) -> Writer<W> {
        Writer { zip: ZipWriter::new_stream(out), files: Vec::new(), open: None }
    }

    /// Begins a file; the one before is whole.
    pub fn begin(&mut self, path: &str) -> io::Result<()> {
        self.close();
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .unix_permissions(0o644);
        self.zip.start_file(path, options).map_err(io::Error::other)?;
        self.open = Some(Open { path: path.to_owned(), hash: Sha256::new(), bytes: 0 });
        Ok(())
    }

    /// Adds to the file that was begun.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let open = self.open.as_mut().expect("a file is begun before it is written to");
        open.hash.update(bytes);
        open.bytes += bytes.len() as u64;
        self.zip.write_all(bytes)
    }

    /// Writes a whole file.
    pub fn file(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.begin(path)?;
        self.write(bytes)
    }

    fn close(&mut self) {
        if let Some(Open { path, hash, bytes }) = self.open.take() {
            let sha256 = hex::encode(&hash.finalize());
            self.files.push(BundledFile { path, bytes, sha256 });
        }
    }

    /// All files so far, each whole.
    pub fn files(&mut self) -> &[BundledFile] {
        self.close();
        &self.files
    }

    /// Writes the archive's own directory.
    pub fn finish(self) -> io::Result<()> {
        self.zip.finish().map(drop).map_err(io::Error::other)
    }
}
