//! The flag that says where the files are.

use std::path::PathBuf;

use tandem_host::disk::Threads;
use tandem_host::{Builder, Tandem};

/// Where the files are.
#[derive(Debug, clap::Args)]
pub struct Root {
    /// The directory that holds .runs and out; nothing outside it is touched
    #[arg(long = "root", value_name = "DIR", default_value = ".")]
    pub path: PathBuf,
}

impl Root {
    /// The component on that directory. This program may wait for a file system.
    pub fn host(&self) -> Builder {
        Tandem::builder().dir(&self.path).threads(Threads::Inline)
    }
}
