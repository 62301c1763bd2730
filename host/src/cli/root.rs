//! The flag that says where the runs are.

use std::path::PathBuf;

/// Where the runs are.
#[derive(Debug, clap::Args)]
pub struct Root {
    /// The directory that holds .runs; nothing outside it is touched
    #[arg(long = "root", value_name = "DIR", default_value = ".")]
    pub path: PathBuf,
}
