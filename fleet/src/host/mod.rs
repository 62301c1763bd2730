//! A process of hosts: instances of the component over one store, which keep runs until they are told
//! to end. What is acknowledged is told on standard output.

mod instance;
mod record;
mod run;
mod tell;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Args;
use futures::future::{join_all, try_join_all};
use tandem_documents::Documents;
use tandem_etcd::EtcdDocuments;
use tandem_postgres::PostgresDocuments;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::word::Word;
use instance::{Instance, PAUSE};
use tell::tell;

/// How long a process may take to end, after which the store is not there any more.
const END: Duration = Duration::from_secs(60);

/// What a process of hosts is to do.
#[derive(Clone, Debug, Args)]
pub struct Orders {
    /// The address of the store
    #[arg(long)]
    pub url: String,
    /// What this process is called in what it keeps
    #[arg(long)]
    pub owner: String,
    /// The number of its first instance
    #[arg(long)]
    pub first: u32,
    /// How many instances it has
    #[arg(long)]
    pub instances: u32,
    /// How many runs each of them keeps
    #[arg(long)]
    pub runs: u32,
    /// How many tasks all instances share
    #[arg(long)]
    pub tasks: u32,
    /// Milliseconds from one change of a manifest to the next
    #[arg(long)]
    pub step_ms: u64,
    /// Milliseconds from one heartbeat to the next
    #[arg(long)]
    pub heartbeat_ms: u64,
    /// Milliseconds from one run that an instance records to the next
    #[arg(long)]
    pub record_ms: u64,
    /// Milliseconds that a request of the store waits
    #[arg(long)]
    pub patience_ms: u64,
}

impl Orders {
    /// As arguments of the program.
    pub fn arguments(&self) -> Vec<String> {
        let Orders { url, owner, .. } = self.clone();
        let mut arguments = vec!["host".to_owned()];
        for (name, value) in [
            ("url", url),
            ("owner", owner),
            ("first", self.first.to_string()),
            ("instances", self.instances.to_string()),
            ("runs", self.runs.to_string()),
            ("tasks", self.tasks.to_string()),
            ("step-ms", self.step_ms.to_string()),
            ("heartbeat-ms", self.heartbeat_ms.to_string()),
            ("record-ms", self.record_ms.to_string()),
            ("patience-ms", self.patience_ms.to_string()),
        ] {
            arguments.push(format!("--{name}"));
            arguments.push(value);
        }
        arguments
    }
}

/// Whether to go on.
#[derive(Clone)]
struct Stop(watch::Receiver<bool>);

impl Stop {
    fn is_told(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits, and answers whether to go on then.
    async fn goes_on_after(&mut self, pause: Duration) -> bool {
        tokio::select! {
            // It is never dropped before.
            _ = self.0.wait_for(|stop| *stop) => false,
            () = sleep(pause) => true,
        }
    }
}

/// Keeps runs until standard input ends.
///
/// # Errors
/// The store cannot be opened, or the component not started.
pub fn main(orders: Orders) -> Result<(), String> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build();
    let runtime = runtime.map_err(|error| format!("no thread can be started: {error}"))?;
    let (stop, stopped) = watch::channel(false);
    thread::spawn(move || {
        // An error is an end, too.
        drop(io::copy(&mut io::stdin(), &mut io::sink()));
        stop.send_replace(true);
        thread::sleep(END);
        std::process::exit(1);
    });
    runtime.block_on(keep(Arc::new(orders), Stop(stopped)))
}

async fn keep(orders: Arc<Orders>, mut stop: Stop) -> Result<(), String> {
    let patience = Duration::from_millis(orders.patience_ms);
    if orders.url.starts_with("etcd:") {
        let options = || tandem_etcd::Options::new(&orders.url).patience(patience);
        let store = opened(&mut stop, async || EtcdDocuments::open(options()).await).await?;
        keep_in(store, orders, stop).await
    } else {
        let options = || tandem_postgres::Options::new(&orders.url).patience(patience);
        let store = opened(&mut stop, async || PostgresDocuments::open(options()).await).await?;
        keep_in(store, orders, stop).await
    }
}

/// Opens something of the store, as often as it takes.
///
/// # Errors
/// This process is told to end before.
async fn opened<T, E: fmt::Display>(
    stop: &mut Stop,
    open: impl AsyncFn() -> Result<T, E>,
) -> Result<T, String> {
    loop {
        match open().await {
            Ok(opened) => return Ok(opened),
            Err(error) if !stop.goes_on_after(PAUSE).await => {
                return Err(format!("the store cannot be opened: {error}"));
            }
            Err(_) => tell(&Word::Failed("store".to_owned(), "away".to_owned())),
        }
    }
}

async fn keep_in<D: Documents + Clone>(
    store: D,
    orders: Arc<Orders>,
    stop: Stop,
) -> Result<(), String> {
    let numbers = orders.first..orders.first + orders.instances;
    let opening = numbers.map(|number| Instance::open(&orders, &store, number, stop.clone()));
    let instances = try_join_all(opening).await?;
    tell(&Word::Ready);
    join_all(instances.into_iter().map(Instance::keep)).await;
    Ok(())
}
