//! The ways to a recorder.

use std::path::Path;

use indelible_recorder::{Builder, Recorder};

/// Why there is no recorder.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The recorder itself.
    #[error(transparent)]
    Recorder(#[from] indelible_recorder::OpenError),
    /// The data directory.
    #[cfg(feature = "embedded")]
    #[error("the audit trail in {}: {source}", .dir.display())]
    Embedded {
        /// Where.
        dir: std::path::PathBuf,
        /// What is wrong there.
        #[source]
        source: indelible_store::StoreError,
    },
    /// The node's address or key.
    #[cfg(feature = "remote")]
    #[error(transparent)]
    Remote(#[from] indelible_client::Error),
    /// The directory of files.
    #[error("audit files in {}: {source}", .dir.display())]
    Files {
        /// Where.
        dir: std::path::PathBuf,
        /// What is wrong there.
        #[source]
        source: std::io::Error,
    },
}

/// Opens recorders; bring it into scope with [`prelude`](crate::prelude).
pub trait Open: Sized {
    /// A recorder that keeps the trail in this process, in a data directory that is made if there is none. What it
    /// cannot write at once waits in `spool/` there.
    ///
    /// ```
    /// use indelible::prelude::*;
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let dir = dir.path().join("audit");
    /// let recorder = Recorder::open(dir)?;
    /// recorder.record(Event::new("user.login").actor("maria"));
    /// recorder.close().wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "embedded")]
    fn open(dir: impl AsRef<Path>) -> Result<Self, Error>;

    /// A recorder that sends to the node at this address with a writer's key. What it cannot send waits in
    /// `audit-spool/` in the working directory, or in `INDELIBLE_SPOOL`.
    ///
    /// ```no_run
    /// use indelible::prelude::*;
    ///
    /// let recorder = Recorder::connect("https://audit.example.com", "idl_0123456789abcdef_…")?;
    /// recorder.record(Event::new("user.login").actor("maria"));
    /// # Ok::<(), indelible::Error>(())
    /// ```
    #[cfg(feature = "remote")]
    fn connect(url: &str, key: &str) -> Result<Self, Error>;
}

impl Open for Recorder {
    #[cfg(feature = "embedded")]
    fn open(dir: impl AsRef<Path>) -> Result<Recorder, Error> {
        Ok(embedded(dir)?.build()?)
    }

    #[cfg(feature = "remote")]
    fn connect(url: &str, key: &str) -> Result<Recorder, Error> {
        Ok(remote(url, key)?.build()?)
    }
}

/// Settings for a recorder that keeps the trail in this process: [`Open::open`], with more to say.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let dir = dir.path().join("audit");
/// let recorder = indelible::embedded(dir)?.service("billing").batch_size(500).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "embedded")]
pub fn embedded(dir: impl AsRef<Path>) -> Result<Builder, Error> {
    let dir = dir.as_ref();
    let store = crate::Embedded::open(dir);
    let store = store.map_err(|source| Error::Embedded { dir: dir.into(), source })?;
    Ok(local(Recorder::builder(store)).spool(dir.join("spool")))
}

/// Settings for a recorder that sends to a node: [`Open::connect`], with more to say.
///
/// ```no_run
/// use indelible::WhenFull;
///
/// let url = "https://audit.example.com";
/// let recorder = indelible::remote(url, "idl_…")?.when_full(WhenFull::Drop).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "remote")]
pub fn remote(url: &str, key: &str) -> Result<Builder, Error> {
    let spool = std::env::var_os("INDELIBLE_SPOOL").unwrap_or_else(|| "audit-spool".into());
    Ok(local(Recorder::builder(crate::Remote::new(url, key)?)).spool(spool))
}

/// Settings for a recorder that writes plain files, an event a line, without proof or search.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let dir = dir.path().join("audit");
/// let recorder = indelible::files(dir)?.build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn files(dir: impl AsRef<Path>) -> Result<Builder, Error> {
    let dir = dir.as_ref();
    let files = crate::Files::open(dir);
    let files = files.map_err(|source| Error::Files { dir: dir.into(), source })?;
    Ok(local(Recorder::builder(files)).spool(dir.join("spool")))
}

/// What every recorder of this machine says.
fn local(builder: Builder) -> Builder {
    match crate::host_name() {
        name if name.is_empty() => builder,
        name => builder.host(name),
    }
}
