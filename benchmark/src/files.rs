//! The files of one run, and how std replaces them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Result;
use crate::work::{HEARTBEAT, MANIFEST, heartbeat};

pub struct Files {
    pub directory: PathBuf,
    is_durable: bool,
    temporary: AtomicU64,
}

impl Files {
    pub fn new(directory: PathBuf, is_durable: bool) -> Arc<Self> {
        Arc::new(Self { directory, is_durable, temporary: AtomicU64::new(0) })
    }

    /// Both files side by side, each on a thread of its own, then their directory.
    pub async fn replace_both(self: &Arc<Self>, content: &Arc<str>) -> Result<()> {
        let (files, content) = (self.clone(), content.clone());
        let manifest = blocking(move || Ok(files.replace(MANIFEST, content.as_bytes())?));
        let files = self.clone();
        let heartbeat = blocking(move || Ok(files.replace(HEARTBEAT, heartbeat().as_bytes())?));
        tokio::try_join!(manifest, heartbeat)?;
        if self.is_durable {
            let files = self.clone();
            blocking(move || Ok(files.sync_directory()?)).await?;
        }
        Ok(())
    }

    /// The heartbeat alone.
    pub async fn replace_heartbeat(self: &Arc<Self>) -> Result<()> {
        let files = self.clone();
        blocking(move || {
            files.replace(HEARTBEAT, heartbeat().as_bytes())?;
            if files.is_durable { Ok(files.sync_directory()?) } else { Ok(()) }
        })
        .await
    }

    /// One after the other, on this thread.
    pub fn replace_both_here(&self, content: &str) -> io::Result<()> {
        self.replace(MANIFEST, content.as_bytes())?;
        self.replace(HEARTBEAT, heartbeat().as_bytes())?;
        if self.is_durable { self.sync_directory() } else { Ok(()) }
    }

    pub fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let count = self.temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = self.directory.join(format!("{name}.{count:016x}.tmp"));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        file.write_all(content)?;
        if self.is_durable {
            file.sync_data()?;
        }
        drop(file);
        fs::rename(&temporary, self.directory.join(name))
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }
}

/// On one of tokio's threads for work that blocks. It starts before the future is polled.
pub fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> impl Future<Output = Result<T>> {
    let work = tokio::task::spawn_blocking(work);
    async { work.await? }
}
