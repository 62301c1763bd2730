//! Crates that replace one file atomically, used as their documentation does: both files at once,
//! each on a thread for work that blocks.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atomicwrites::{AtomicFile, OverwriteBehavior};
use futures::future::{BoxFuture, FutureExt, try_join_all};
use tempfile::NamedTempFile;

use crate::Result;
use crate::contender::{Contender, Sample, here};
use crate::files::blocking;
use crate::work::{Case, HEARTBEAT, MANIFEST, Work, heartbeat};

pub type Replace = fn(&Path, &[u8], Case) -> io::Result<()>;

pub struct Crate {
    directories: Vec<PathBuf>,
    work: Work,
    replace: Replace,
}

impl Crate {
    pub fn new(root: &Path, work: &Work, replace: Replace) -> Result<Self> {
        Ok(Self { directories: work.directories(root)?, work: work.clone(), replace })
    }

    async fn flush(&self, manifest: &Arc<str>) -> Result<()> {
        let directories = self.directories.iter();
        try_join_all(directories.map(|at| self.replace_both(at, manifest.clone()))).await?;
        Ok(())
    }

    async fn replace_both(&self, directory: &Path, content: Arc<str>) -> Result<()> {
        let (replace, case) = (self.replace, self.work.case);
        let path = directory.join(MANIFEST);
        let manifest = blocking(move || Ok(replace(&path, content.as_bytes(), case)?));
        let path = directory.join(HEARTBEAT);
        let heartbeat = blocking(move || Ok(replace(&path, heartbeat().as_bytes(), case)?));
        tokio::try_join!(manifest, heartbeat)?;
        Ok(())
    }
}

impl Contender for Crate {
    fn turn(&mut self, turn: u32) -> BoxFuture<'_, Result<Sample>> {
        let manifest = self.work.file(turn);
        async move { here(self.flush(&manifest)).await }.boxed()
    }
}

/// It syncs the file, and two directories, each time.
pub fn atomicwrites(path: &Path, content: &[u8], _: Case) -> io::Result<()> {
    AtomicFile::new(path, OverwriteBehavior::AllowOverwrite)
        .write(|file| file.write_all(content))
        .map_err(io::Error::from)
}

/// It leaves every sync to its user, and its documentation has none of the directory.
pub fn tempfile(path: &Path, content: &[u8], case: Case) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(content)?;
    if case.is_durable() {
        file.as_file().sync_all()?;
    }
    file.persist(path)?;
    Ok(())
}
