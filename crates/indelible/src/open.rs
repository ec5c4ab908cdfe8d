//! The ways to a recorder.

use std::path::Path;

use indelible_recorder::{Builder, Recorder, Settings, SettingsError, Storage};

/// Why there is no recorder.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The recorder itself.
    #[error(transparent)]
    Recorder(#[from] indelible_recorder::OpenError),
    /// The configuration.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The configuration asks for something that this build of the program has not.
    #[error(
        "the audit configuration says `type: {0}`, for which the program must be built with the feature `{1}`"
    )]
    NotBuilt(&'static str, &'static str),
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
    /// How long the data directory is to keep its records.
    #[cfg(feature = "embedded")]
    #[error("keeping the audit trail in {}: {source}", .dir.display())]
    Keeping {
        /// Where.
        dir: std::path::PathBuf,
        /// Why it cannot be so.
        #[source]
        source: indelible_keep::KeepError,
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

    /// A recorder as a configuration file says it, with what the environment overrides (`docs/recorder-settings.md`).
    ///
    /// ```
    /// use indelible::prelude::*;
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let file = dir.path().join("audit_config.yaml");
    /// # let path = dir.path().join("audit");
    /// # std::fs::write(&file, format!("audit:\n  storage: {{ type: database, path: {} }}\n", path.display()))?;
    /// let recorder = Recorder::from_config(file)?;
    /// assert!(recorder.is_on());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn from_config(file: impl AsRef<Path>) -> Result<Self, Error>;
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

    fn from_config(file: impl AsRef<Path>) -> Result<Recorder, Error> {
        let settings = Settings::read(file)?;
        if !settings.enabled {
            tracing::warn!("auditing is switched off by the configuration: nothing is recorded");
            return Ok(Recorder::off());
        }
        Ok(configured(&settings)?.build()?)
    }
}

/// Settings for a recorder, from a configuration: [`Open::from_config`], with more to say.
///
/// ```
/// use indelible::Settings;
///
/// # let dir = tempfile::tempdir()?;
/// # let yaml = format!("audit:\n  storage: {{ type: file, path: {} }}\n", dir.path().join("audit").display());
/// let settings = Settings::parse("audit_config.yaml", &yaml, std::iter::empty())?;
/// let recorder = indelible::configured(&settings)?.host("web-1").build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn configured(settings: &Settings) -> Result<Builder, Error> {
    let mut builder = stored(&settings.storage)?
        .policy(settings.policy())
        .redaction(settings.redaction())
        .batch_size(settings.batch_size)
        .flush_interval(settings.flush_interval)
        .when_full(settings.when_full)
        .spool_bytes(settings.spool.max_bytes);
    if let Some(dir) = &settings.spool.path {
        builder = builder.spool(dir);
    }
    if let Some(service) = &settings.service {
        builder = builder.service(service.clone());
    }
    if let Some(trail) = &settings.trail {
        builder = builder.trail(trail.clone());
    }
    Ok(builder)
}

fn stored(storage: &Storage) -> Result<Builder, Error> {
    match storage {
        #[cfg(feature = "embedded")]
        Storage::Database { path, retention_days, max_size_mb } => {
            let keeping =
                crate::Keeping { retention_days: *retention_days, max_size_mb: *max_size_mb };
            kept(path, keeping)
        }
        Storage::File { path, retention_days, max_size_mb } => {
            let mut store = crate::Files::open(path)
                .map_err(|source| Error::Files { dir: path.clone(), source })?;
            if let Some(days) = retention_days {
                store = store.retention_days(*days);
            }
            if let Some(mb) = max_size_mb {
                store = store.max_size_mb(*mb);
            }
            Ok(local(Recorder::builder(store)).spool(path.join("spool")))
        }
        #[cfg(feature = "remote")]
        Storage::Remote { url, key } => remote(url, key.reveal()),
        #[cfg(not(feature = "embedded"))]
        Storage::Database { .. } => Err(Error::NotBuilt("database", "embedded")),
        #[cfg(not(feature = "remote"))]
        Storage::Remote { .. } => Err(Error::NotBuilt("remote", "remote")),
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
    kept(dir.as_ref(), crate::Keeping::default())
}

#[cfg(feature = "embedded")]
fn kept(dir: &Path, keeping: crate::Keeping) -> Result<Builder, Error> {
    let store = crate::Embedded::keeping(dir, keeping);
    let store = store.map_err(|error| match error {
        indelible_keep::KeepError::Store(source) => Error::Embedded { dir: dir.into(), source },
        source => Error::Keeping { dir: dir.into(), source },
    })?;
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
