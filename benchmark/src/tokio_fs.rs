//! Native Rust with tokio's files: the same as with std, call by call.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::{BoxFuture, FutureExt, try_join_all};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;

use crate::Result;
use crate::contender::{Contender, Sample, here};
use crate::work::{HEARTBEAT, MANIFEST, Work, heartbeat};

/// Both files replaced side by side, then their directory synced once.
pub struct TokioFs {
    directories: Vec<PathBuf>,
    work: Work,
    temporary: AtomicU64,
}

impl TokioFs {
    pub fn new(root: &Path, work: &Work) -> Result<Self> {
        Ok(Self {
            directories: work.directories(root)?,
            work: work.clone(),
            temporary: AtomicU64::new(0),
        })
    }

    async fn flush(&self, manifest: &str) -> Result<()> {
        try_join_all(self.directories.iter().map(|at| self.replace_both(at, manifest))).await?;
        Ok(())
    }

    async fn replace_both(&self, directory: &Path, manifest: &str) -> io::Result<()> {
        let heartbeat = heartbeat();
        tokio::try_join!(
            self.replace(directory, MANIFEST, manifest.as_bytes()),
            self.replace(directory, HEARTBEAT, heartbeat.as_bytes()),
        )?;
        if self.work.case.is_durable() { sync_directory(directory).await } else { Ok(()) }
    }

    async fn replace(&self, directory: &Path, name: &str, content: &[u8]) -> io::Result<()> {
        replace(directory, name, &[content], self.work.case.is_durable(), &self.temporary).await
    }
}

/// Puts a new file with these pieces in the place of `name`. `count` makes the name of the temporary file a new one.
pub async fn replace(
    directory: &Path,
    name: &str,
    content: &[&[u8]],
    is_durable: bool,
    count: &AtomicU64,
) -> io::Result<()> {
    let count = count.fetch_add(1, Ordering::Relaxed);
    let temporary = directory.join(format!("{name}.{count:016x}.tmp"));
    let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary).await?;
    for piece in content {
        file.write_all(piece).await?;
    }
    // tokio's files hand writes to another thread; this waits for it.
    file.flush().await?;
    if is_durable {
        file.sync_data().await?;
    }
    drop(file);
    fs::rename(&temporary, directory.join(name)).await
}

pub async fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory).await?.sync_all().await
}

impl Contender for TokioFs {
    fn turn(&mut self, turn: u32) -> BoxFuture<'_, Result<Sample>> {
        let manifest = self.work.file(turn);
        async move { here(self.flush(&manifest)).await }.boxed()
    }
}
