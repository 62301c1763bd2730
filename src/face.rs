//! The component's face: WIT exports to core calls, core errors to WIT errors.

use std::rc::Rc;
use std::time::Duration;

use crate::error::{Channel, Error, Failure, Operation};
use crate::persister;
use crate::persister::flush::Reached;
use crate::persister::options::{Durability, Options};
use crate::persister::recovery::Recovery;
use crate::persister::schedule::Channels;
use crate::persister::stats::{ChannelStats, Stats};
use crate::persister::{Outcome, Receipt, Registry, Written};
use crate::wasi::Wasi;

mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "tandem",
        with: {
            "wasi:clocks/types@0.3.0": wasi::clocks::types,
            "wasi:clocks/monotonic-clock@0.3.0": wasi::clocks::monotonic_clock,
            "wasi:clocks/system-clock@0.3.0": wasi::clocks::system_clock,
            "wasi:filesystem/types@0.3.0": wasi::filesystem::types,
            "wasi:filesystem/preopens@0.3.0": wasi::filesystem::preopens,
            "wasi:random/random@0.3.0": wasi::random::random,
        },
    });
}

use bindings::exports::tandem::persistence::{persister as wit, types};

struct Component;

bindings::export!(Component with_types_in bindings);

impl wit::Guest for Component {
    type Run = Run;
}

/// The resource `run`.
struct Run(persister::Run<Wasi>);

thread_local! {
    static SHARED: (Rc<Wasi>, Registry) = (Rc::new(Wasi::new()), Registry::default());
}

impl wit::GuestRun for Run {
    async fn open(options: wit::Options) -> Result<(wit::Run, wit::Recovery), types::Error> {
        let (storage, registry) =
            SHARED.with(|(storage, registry)| (storage.clone(), registry.clone()));
        let (run, recovery) = persister::Run::open(storage, &registry, options.into()).await?;
        Ok((wit::Run::new(Run(run)), recovery.into()))
    }

    fn set_manifest(&self, document: String) -> Result<(), types::Error> {
        #[cfg(feature = "provoke-trap")]
        if document.contains("provoke-trap") {
            core::arch::wasm32::unreachable();
        }
        Ok(self.0.set_manifest(&document)?)
    }

    fn merge_manifest(&self, patch: String) -> Result<(), types::Error> {
        Ok(self.0.merge_manifest(&patch)?)
    }

    async fn schedule(&self, request: wit::Request) -> Result<types::Receipt, types::Error> {
        let flags = Channels { manifest: request.manifest, heartbeat: request.heartbeat };
        receipt(self.0.schedule(flags, request.force).await)
    }

    async fn flush(&self) -> Result<types::Receipt, types::Error> {
        receipt(self.0.flush().await)
    }

    async fn close(&self) -> Result<types::Receipt, types::Error> {
        receipt(self.0.close().await)
    }

    fn stats(&self) -> wit::Stats {
        self.0.stats().into()
    }
}

fn receipt(outcome: Outcome) -> Result<types::Receipt, types::Error> {
    let Receipt { manifest, heartbeat } = outcome?;
    Ok(types::Receipt {
        manifest: manifest.map(types::Written::from),
        heartbeat: heartbeat.map(types::Written::from),
    })
}

impl From<Written> for types::Written {
    fn from(Written { reached, bytes }: Written) -> Self {
        let reached = match reached {
            Reached::Visible => types::Reached::Visible,
            Reached::DataSynced => types::Reached::DataSynced,
            Reached::Durable => types::Reached::Durable,
        };
        types::Written { reached, bytes }
    }
}

impl From<wit::Options> for Options {
    fn from(options: wit::Options) -> Self {
        let mut checked = Options::new(options.task_id, options.run_id);
        let durability = |durability| match durability {
            types::Durability::Visible => Durability::Visible,
            types::Durability::Durable => Durability::Durable,
        };
        set(&mut checked.interval_ms, options.interval_ms);
        set(&mut checked.manifest_durability, options.manifest_durability.map(durability));
        set(&mut checked.heartbeat_durability, options.heartbeat_durability.map(durability));
        set(&mut checked.max_document_bytes, options.max_document_bytes);
        set(&mut checked.sweep_after, options.sweep_after_ms.map(Duration::from_millis));
        set(&mut checked.runs_root, options.runs_root);
        set(&mut checked.manifest_name, options.manifest_name);
        set(&mut checked.heartbeat_name, options.heartbeat_name);
        checked
    }
}

fn set<T>(option: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *option = value;
    }
}

impl From<Recovery> for wit::Recovery {
    fn from(recovery: Recovery) -> Self {
        wit::Recovery {
            directory: recovery.directory,
            document: recovery.document,
            heartbeat: recovery.heartbeat,
            heartbeat_age_ms: recovery.heartbeat_age_ms,
            swept: recovery.swept,
            set_aside: recovery.set_aside,
        }
    }
}

impl From<(Stats, Channels)> for wit::Stats {
    fn from((stats, dirty): (Stats, Channels)) -> Self {
        let latency =
            stats.latency().map(|(up_to_us, count)| wit::Bucket { up_to_us, count }).collect();
        let [manifest, heartbeat] = stats.channels;
        wit::Stats {
            requests: stats.requests,
            coalesced: stats.coalesced,
            flushes: stats.flushes,
            failed_flushes: stats.failed_flushes,
            automatic_retries: stats.automatic_retries,
            manifest: channel_stats(manifest, dirty.manifest),
            heartbeat: channel_stats(heartbeat, dirty.heartbeat),
            last_error: stats.last_error.map(types::Error::from),
            latency,
        }
    }
}

fn channel_stats(stats: ChannelStats, dirty: bool) -> wit::ChannelStats {
    let causes = stats.causes.into_iter().map(|(name, count)| wit::Cause { name, count }).collect();
    wit::ChannelStats {
        dirty,
        writes: stats.writes,
        bytes: stats.bytes,
        failures: stats.failures,
        retries: stats.retries,
        causes,
    }
}

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let of = |kind, channel: Option<Channel>, path| types::Error {
            kind,
            channel: channel.map(types::Channel::from),
            operation: None,
            path,
            code: None,
            retryable: false,
            message: message.clone(),
            beside: None,
        };
        match error {
            Error::InvalidInput { channel, .. } => {
                of(types::ErrorKind::InvalidInput, channel, None)
            }
            Error::InvalidId(_) => of(types::ErrorKind::InvalidId, None, None),
            Error::AlreadyOpen { path } => of(types::ErrorKind::AlreadyOpen, None, Some(path)),
            Error::Closed { path } => of(types::ErrorKind::Closed, None, Some(path)),
            Error::TooLarge { path, .. } => {
                of(types::ErrorKind::TooLarge, Some(Channel::Manifest), path)
            }
            Error::Storage { first, beside } => types::Error {
                kind: types::ErrorKind::Storage,
                channel: first.channel.map(types::Channel::from),
                operation: Some(first.operation.into()),
                path: Some(first.path),
                code: Some(first.code.0.to_owned()),
                retryable: first.code.is_retryable(),
                message: message.clone(),
                beside: beside.map(types::Failure::from),
            },
        }
    }
}

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        types::Failure {
            channel: failure.channel.map(types::Channel::from),
            operation: failure.operation.into(),
            path: failure.path,
            code: failure.code.0.to_owned(),
            retryable: failure.code.is_retryable(),
            message,
        }
    }
}

impl From<Channel> for types::Channel {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Manifest => types::Channel::Manifest,
            Channel::Heartbeat => types::Channel::Heartbeat,
        }
    }
}

impl From<Operation> for types::Operation {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::CreateDirectory => types::Operation::CreateDirectory,
            Operation::Open => types::Operation::Open,
            Operation::Read => types::Operation::Read,
            Operation::Write => types::Operation::Write,
            Operation::Sync => types::Operation::Sync,
            Operation::Rename => types::Operation::Rename,
            Operation::SyncDirectory => types::Operation::SyncDirectory,
            Operation::List => types::Operation::List,
            Operation::Stat => types::Operation::Stat,
        }
    }
}
