//! The same through the component, on each filesystem that can stand behind it.

use std::path::Path;

use futures::future::{BoxFuture, FutureExt};
use tandem_host::{Durability, Request, Run, RunOptions, Tandem as Host};

use crate::Result;
use crate::contender::Contender;

/// An open run whose document is set.
pub struct Tandem {
    name: &'static str,
    run: Run,
    bytes: u64,
}

impl Tandem {
    /// One contender on the library's own disk, and one on wasmtime's filesystem.
    pub async fn all(
        directory: &Path,
        manifest: &str,
        durable: bool,
    ) -> Result<Vec<Box<dyn Contender>>> {
        let (own, wasmtime) = (directory.join("own"), directory.join("wasmtime"));
        std::fs::create_dir_all(&own)?;
        std::fs::create_dir_all(&wasmtime)?;
        let hosts = [
            ("tandem", Host::builder().dir(own)),
            ("tandem-wasmtime-fs", Host::builder().wasmtime_filesystem(wasmtime)),
        ];
        let mut contenders: Vec<Box<dyn Contender>> = Vec::new();
        for (name, host) in hosts {
            let durability = if durable { Durability::Durable } else { Durability::Visible };
            let options = RunOptions::new("bench", "run")
                .manifest_durability(durability)
                .heartbeat_durability(durability);
            let run = host.build().await?.open_run(options).await?;
            run.set_manifest(manifest).await?;
            contenders.push(Box::new(Self { name, run, bytes: manifest.len() as u64 }));
        }
        Ok(contenders)
    }

    async fn flush(&self) -> Result<()> {
        let receipt = self.run.schedule(Request::new().manifest().heartbeat().force()).await?;
        let written = [receipt.manifest, receipt.heartbeat].map(|file| file.map(|file| file.bytes));
        // A figure for other work than the others do would be worth nothing.
        if written != [Some(self.bytes), Some(25)] {
            return Err(format!("{} wrote other files: {written:?}", self.name).into());
        }
        Ok(())
    }
}

impl Contender for Tandem {
    fn name(&self) -> &'static str {
        self.name
    }

    fn work(&mut self) -> BoxFuture<'_, Result<()>> {
        self.flush().boxed()
    }
}
