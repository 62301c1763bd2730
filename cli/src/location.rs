//! The flags that say where runs are kept: below a directory, or in a store.

use std::path::PathBuf;
use std::time::Duration;

use tandem_host::Builder;

use crate::access::Access;
use crate::root::Root;
#[cfg(feature = "postgres")]
use crate::store::{self, AnyDocuments};
use crate::tandem;

/// What keeps runs somewhere.
pub struct Keeping {
    /// The library over it, with every default.
    pub builder: Builder,
    /// How often runs are to show a sign of life, if the place tells.
    pub heartbeat_interval: Option<Duration>,
}

/// Where runs are read, once it was found.
#[derive(Clone)]
pub enum OpenedLocation {
    /// A directory, which is opened when it is read.
    Directory(PathBuf),
    #[cfg(feature = "postgres")]
    Store(AnyDocuments),
}

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
    /// migrate` makes the tables. A store whose answers survive no power loss is refused. Or
    /// etcd://USER@HOST:PORT,HOST:PORT?OPTION=VALUE&..., with the password of the variable
    /// ETCDCTL_PASSWORD or of the file that the option passwordfile names, and nothing to make.
    #[cfg(feature = "postgres")]
    #[arg(long, value_name = "URL", conflicts_with = "path")]
    pub store: Option<String>,
}

impl Location {
    /// What keeps runs in it.
    ///
    /// # Errors
    /// The store cannot be used, in one sentence. A directory is opened later.
    pub async fn kept(&self) -> Result<Keeping, String> {
        let place = self.open(Access::Write).await?;
        let heartbeat_interval = match &place {
            OpenedLocation::Directory(_) => None,
            #[cfg(feature = "postgres")]
            OpenedLocation::Store(store) => store::settings(store).await?.heartbeat_interval,
        };
        Ok(Keeping { builder: place.keeper().await?, heartbeat_interval })
    }

    /// Finds it.
    ///
    /// # Errors
    /// As [`kept`](Location::kept).
    #[cfg_attr(not(feature = "postgres"), allow(unused_variables, reason = "of a store"))]
    pub async fn open(&self, access: Access) -> Result<OpenedLocation, String> {
        #[cfg(feature = "postgres")]
        if let Some(url) = &self.store {
            return Ok(OpenedLocation::Store(store::open(url, access).await?));
        }
        Ok(OpenedLocation::Directory(self.root.path.clone()))
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

impl OpenedLocation {
    /// The library over it.
    ///
    /// # Errors
    /// A store cannot keep runs, in one sentence.
    pub async fn keeper(&self) -> Result<Builder, String> {
        match self {
            OpenedLocation::Directory(root) => Ok(tandem::builder(root)),
            #[cfg(feature = "postgres")]
            OpenedLocation::Store(store) => Ok(tandem::over(store::disk(store.clone()).await?)),
        }
    }

    /// The library over it, for who only reads: a store is not written to.
    pub fn reader(&self) -> Builder {
        match self {
            OpenedLocation::Directory(root) => tandem::builder(root),
            #[cfg(feature = "postgres")]
            OpenedLocation::Store(store) => tandem::over(store::read(store.clone())),
        }
    }

    /// What a page calls it: what is above a directory is nobody's matter there, nor where a store is.
    #[cfg(feature = "serve")]
    pub fn title(&self) -> String {
        match self {
            OpenedLocation::Directory(root) => {
                let whole = root.canonicalize();
                let name = whole.as_deref().unwrap_or(root).file_name();
                name.unwrap_or(root.as_os_str()).to_string_lossy().into_owned()
            }
            #[cfg(feature = "postgres")]
            OpenedLocation::Store(_) => "the store".to_owned(),
        }
    }
}
