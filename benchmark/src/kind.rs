//! Which contenders there are.

use std::path::Path;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::Result;
use crate::apart;
use crate::child::Child;
use crate::contender::Contender;
use crate::crates::{self, Crate};
use crate::native::{Native, Order};
use crate::node;
use crate::store::{Redb, Sqlite, Stored};
use crate::tandem::{self, Tandem};
use crate::tandem_blocking::TandemBlocking;
use crate::tandem_node;
use crate::tandem_python;
use crate::tokio_fs::TokioFs;
use crate::version;
use crate::work::{Case, Work};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Tandem,
    /// On a component for each processor.
    TandemShards,
    TandemWorkers,
    TandemWasmtimeFs,
    TandemBlocking,
    TandemNode,
    TandemPython,
    NativeSequential,
    NativeConcurrent,
    /// The same once more: what the two differ by is noise.
    NativeConcurrentAgain,
    NativeTokioFs,
    AtomicWriteFile,
    Atomicwrites,
    Tempfile,
    WriteFileAtomic,
    Atomically,
    Steno,
    /// What orchestrators in Node do today.
    NodeRename,
    NodeRenameSync,
    Sqlite,
    Redb,
}

/// What the others are set against.
pub const BASE: Kind = Kind::NativeConcurrent;
/// What the base is set against, to see how much is noise.
pub const CONTROL: Kind = Kind::NativeConcurrentAgain;

impl ValueEnum for Kind {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Kind::Tandem,
            Kind::TandemShards,
            Kind::TandemWorkers,
            Kind::TandemWasmtimeFs,
            Kind::TandemBlocking,
            Kind::TandemNode,
            Kind::TandemPython,
            Kind::NativeSequential,
            Kind::NativeConcurrent,
            Kind::NativeConcurrentAgain,
            Kind::NativeTokioFs,
            Kind::AtomicWriteFile,
            Kind::Atomicwrites,
            Kind::Tempfile,
            Kind::WriteFileAtomic,
            Kind::Atomically,
            Kind::Steno,
            Kind::NodeRename,
            Kind::NodeRenameSync,
            Kind::Sqlite,
            Kind::Redb,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Tandem => "tandem",
            Kind::TandemShards => "tandem-shards",
            Kind::TandemWorkers => "tandem-workers",
            Kind::TandemWasmtimeFs => "tandem-wasmtime-fs",
            Kind::TandemBlocking => "tandem-blocking",
            Kind::TandemNode => "tandem-node",
            Kind::TandemPython => "tandem-python",
            Kind::NativeSequential => "native-sequential",
            Kind::NativeConcurrent => "native-concurrent",
            Kind::NativeConcurrentAgain => "native-concurrent-again",
            Kind::NativeTokioFs => "native-tokio-fs",
            Kind::AtomicWriteFile => "atomic-write-file",
            Kind::Atomicwrites => "atomicwrites",
            Kind::Tempfile => "tempfile",
            Kind::WriteFileAtomic => "write-file-atomic",
            Kind::Atomically => "atomically",
            Kind::Steno => "steno",
            Kind::NodeRename => "node-rename",
            Kind::NodeRenameSync => "node-rename-sync",
            Kind::Sqlite => "sqlite",
            Kind::Redb => "redb",
        }
    }

    /// How many syncs a pair costs; `None` if there is no such case. A database may sync more when
    /// it tidies up.
    pub fn syncs(self, case: Case) -> Option<u32> {
        match (self, case) {
            // They cannot be told not to sync, or would promise less than the others.
            (Kind::Sqlite | Kind::Redb, Case::Visible) => None,
            (Kind::AtomicWriteFile | Kind::Atomicwrites, Case::Visible) => None,
            (Kind::Steno | Kind::NodeRename, Case::Durable) => None,
            (Kind::NodeRenameSync, Case::Visible) => None,
            (_, Case::Visible) => Some(0),
            (Kind::Sqlite | Kind::Redb, Case::Durable) => Some(1),
            // Each file, and its directory.
            (Kind::AtomicWriteFile, Case::Durable) => Some(4),
            // Each file, the directory of its temporary file, and its own.
            (Kind::Atomicwrites, Case::Durable) => Some(6),
            // No directory.
            (Kind::Tempfile | Kind::WriteFileAtomic, Case::Durable) => Some(2),
            (Kind::Atomically | Kind::NodeRenameSync, Case::Durable) => Some(2),
            // Both files, and their directory once.
            (_, Case::Durable) => Some(3),
        }
    }

    /// Whom its row is set against beside the base.
    pub fn also_against(self, case: Case) -> Option<Kind> {
        self.is_tandem().then_some(match case {
            Case::Visible => Kind::NodeRename,
            Case::Durable => Kind::WriteFileAtomic,
        })
    }

    /// Whether it is one of the npm packages, or Node itself.
    pub fn is_in_node(self) -> bool {
        matches!(
            self,
            Kind::WriteFileAtomic
                | Kind::Atomically
                | Kind::Steno
                | Kind::NodeRename
                | Kind::NodeRenameSync
        )
    }

    pub fn is_tandem(self) -> bool {
        matches!(
            self,
            Kind::Tandem
                | Kind::TandemShards
                | Kind::TandemWorkers
                | Kind::TandemWasmtimeFs
                | Kind::TandemBlocking
                | Kind::TandemNode
                | Kind::TandemPython
        )
    }

    /// Whether it leaves a manifest and a heartbeat, and nothing else.
    pub fn keeps_files(self) -> bool {
        !matches!(self, Kind::Sqlite | Kind::Redb)
    }

    /// Of what does the work, where it is not this program alone. What is in another process tells
    /// its own.
    pub fn version(self) -> Option<String> {
        match self {
            Kind::Tandem | Kind::TandemShards | Kind::TandemWorkers | Kind::TandemBlocking => {
                Some(env!("CARGO_PKG_VERSION").to_owned())
            }
            Kind::TandemWasmtimeFs => version::locked("wasmtime-wasi"),
            Kind::NativeTokioFs => version::locked("tokio"),
            Kind::Atomicwrites | Kind::Tempfile | Kind::Redb => version::locked(self.name()),
            Kind::Sqlite => Some(rusqlite::version().to_owned()),
            _ => None,
        }
    }

    /// Make it ready for its first turn, below a directory of its own.
    pub async fn set_up(self, root: &Path, work: &Work) -> Result<Box<dyn Contender>> {
        let tandem = |files| Tandem::new(root, work, files);
        let child = |command| Child::start(self.name(), command, root, work);
        Ok(match self {
            Kind::Tandem => Box::new(tandem(tandem::Files::InPlace).await?),
            Kind::TandemShards => Box::new(tandem(tandem::Files::Shards).await?),
            Kind::TandemWorkers => Box::new(tandem(tandem::Files::Workers).await?),
            Kind::TandemWasmtimeFs => Box::new(tandem(tandem::Files::Wasmtime).await?),
            Kind::TandemBlocking => Box::new(TandemBlocking::new(root, work)?),
            Kind::TandemNode => Box::new(child(tandem_node::command()).await?),
            Kind::TandemPython => Box::new(child(tandem_python::command()).await?),
            Kind::NativeSequential => Box::new(Native::new(root, work, Order::Sequential)?),
            Kind::NativeConcurrent | Kind::NativeConcurrentAgain => {
                Box::new(Native::new(root, work, Order::Concurrent)?)
            }
            Kind::NativeTokioFs => Box::new(TokioFs::new(root, work)?),
            Kind::AtomicWriteFile => Box::new(child(apart::command()).await?),
            Kind::Atomicwrites => Box::new(Crate::new(root, work, crates::atomicwrites)?),
            Kind::Tempfile => Box::new(Crate::new(root, work, crates::tempfile)?),
            Kind::WriteFileAtomic
            | Kind::Atomically
            | Kind::Steno
            | Kind::NodeRename
            | Kind::NodeRenameSync => Box::new(child(node::command()).await?),
            Kind::Sqlite => Box::new(Stored::new(Sqlite::open(root)?, work)),
            Kind::Redb => Box::new(Stored::new(Redb::open(root)?, work)),
        })
    }
}
