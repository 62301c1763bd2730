//! Native Rust: the file calls that the component makes for a pair flush, with tokio.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use futures::future::{BoxFuture, FutureExt};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;

use crate::Result;
use crate::contender::Contender;
use crate::report::BASE;

/// Both files replaced side by side, then their directory synced once.
pub struct Native {
    directory: PathBuf,
    manifest: Vec<u8>,
    durable: bool,
    temporary: AtomicU64,
}

impl Native {
    pub fn new(directory: &Path, manifest: &str, durable: bool) -> Result<Self> {
        std::fs::create_dir_all(directory)?;
        Ok(Self {
            directory: directory.to_owned(),
            manifest: manifest.as_bytes().to_owned(),
            durable,
            temporary: AtomicU64::new(0),
        })
    }

    async fn flush(&self) -> io::Result<()> {
        let directory = File::open(&self.directory).await?;
        let now = humantime::format_rfc3339_millis(SystemTime::now());
        let heartbeat = format!("{now}\n");
        tokio::try_join!(
            self.replace("manifest.json", &self.manifest),
            self.replace(".heartbeat", heartbeat.as_bytes()),
        )?;
        if self.durable {
            directory.sync_all().await?;
        }
        Ok(())
    }

    async fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let count = self.temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = self.directory.join(format!("{name}.{count:016x}.tmp"));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary).await?;
        file.write_all(content).await?;
        // tokio's files hand writes to another thread; this waits for it.
        file.flush().await?;
        if self.durable {
            file.sync_data().await?;
        }
        drop(file);
        fs::rename(&temporary, self.directory.join(name)).await
    }
}

impl Contender for Native {
    fn name(&self) -> &'static str {
        BASE
    }

    fn work(&mut self) -> BoxFuture<'_, Result<()>> {
        async { Ok(self.flush().await?) }.boxed()
    }
}
