//! The flag that says where the files are.

use std::path::PathBuf;

/// Where the files are.
#[derive(Debug, clap::Args)]
pub struct Root {
    /// The directory that holds .runs and out; nothing outside it is touched
    #[arg(long = "root", value_name = "DIR", default_value = ".")]
    pub path: PathBuf,
}
