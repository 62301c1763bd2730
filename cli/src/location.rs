//! The flags that say where runs are kept: below a directory, or in a store.

use tandem_host::Builder;

use crate::root::Root;
#[cfg(feature = "postgres")]
use crate::store;
use crate::tandem;

/// Where runs are kept.
#[derive(Debug, clap::Args)]
pub struct Location {
    #[command(flatten)]
    pub root: Root,

    /// Keep all of it in a store that several hosts share, and nothing below a directory:
    /// postgres://USER@HOST:PORT,HOST:PORT/DATABASE?OPTION=VALUE&...
    ///
    /// The password is that of the variable PGPASSWORD, of the file that the variable PGPASSFILE or the
    /// option passfile names, or of the URL, where every user of this machine can read it. `tandem
    /// migrate` makes the tables. A store whose answers survive no power loss is refused.
    #[cfg(feature = "postgres")]
    #[arg(long, value_name = "URL", conflicts_with = "path")]
    pub store: Option<String>,
}

impl Location {
    /// A directory.
    #[cfg(feature = "serve")]
    pub fn below(root: &std::path::Path) -> Self {
        Location {
            root: Root { path: root.to_owned() },
            #[cfg(feature = "postgres")]
            store: None,
        }
    }

    /// The library over it, with every default.
    ///
    /// # Errors
    /// The store cannot be used, in one sentence. A directory is opened later.
    pub async fn builder(&self) -> Result<Builder, String> {
        #[cfg(feature = "postgres")]
        if let Some(url) = &self.store {
            return Ok(tandem::over(store::open(url).await?));
        }
        Ok(tandem::builder(&self.root.path))
    }

    /// The library over it, for who only reads: a store is not written to.
    ///
    /// # Errors
    /// As [`builder`](Location::builder).
    pub async fn reader(&self) -> Result<Builder, String> {
        #[cfg(feature = "postgres")]
        if let Some(url) = &self.store {
            return Ok(tandem::over(store::read(url).await?));
        }
        Ok(tandem::builder(&self.root.path))
    }

    /// What messages call it.
    pub fn name(&self) -> String {
        #[cfg(feature = "postgres")]
        if self.store.is_some() {
            return String::from("in the store");
        }
        format!("below {}", crate::plain::plain(&self.root.path.display().to_string()))
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        #[cfg(feature = "postgres")]
        return self.store.is_none();
        #[cfg(not(feature = "postgres"))]
        true
    }
}
