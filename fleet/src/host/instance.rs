//! One instance of the component, and the runs that it keeps.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tandem_documents::{Documents, DocumentsDisk};
use tandem_host::Tandem;

use super::record::record;
use super::run::KeptRun;
use super::tell::tell_failed;
use super::{Orders, Stop, opened};
use crate::word::Name;

/// How long to wait before a call that failed is made again.
pub const PAUSE: Duration = Duration::from_millis(100);

/// An instance.
pub struct Instance {
    orders: Arc<Orders>,
    number: u32,
    tandem: Tandem,
    runs: Vec<KeptRun>,
    stop: Stop,
}

impl Instance {
    /// An instance with all its runs open.
    pub async fn open<D: Documents + Clone>(
        orders: &Arc<Orders>,
        store: &D,
        number: u32,
        mut stop: Stop,
    ) -> Result<Instance, String> {
        let disk = opened(&mut stop, async || DocumentsDisk::open(store.clone()).await).await?;
        let tandem = Tandem::builder().disk(disk).build().await;
        let tandem = tandem.map_err(|error| format!("no component can be started: {error}"))?;
        let mut instance =
            Instance { orders: orders.clone(), number, tandem, runs: Vec::new(), stop };
        for run in 0..orders.runs {
            let name = instance.name(run);
            let opened = KeptRun::open(&instance.tandem, orders, name, instance.stop.clone()).await;
            // Without it, this process is told to end.
            let Some(opened) = opened else { break };
            instance.runs.push(opened);
        }
        Ok(instance)
    }

    fn name(&self, run: u32) -> Name {
        let Instance { number, orders, .. } = self;
        Name { task: format!("task-{}", number % orders.tasks), run: format!("run-{number}-{run}") }
    }

    /// Keeps the runs until this process is told to end.
    pub async fn keep(self) {
        let Instance { orders, number, tandem, runs, stop } = self;
        let records = tokio::spawn(record(tandem.clone(), orders.clone(), number, stop));
        let count = orders.runs.max(1);
        let keeping = (0..).zip(runs).map(|(place, run)| {
            // Not all at the same moment.
            let later = Duration::from_millis(orders.step_ms) * place / count;
            tokio::spawn(run.keep(later))
        });
        join_all(keeping.collect::<Vec<_>>()).await;
        // A panic in it was told by the runtime.
        drop(records.await);
        for closed in tandem.shutdown().await {
            if let Err(error) = closed.outcome {
                tell_failed("close", &error);
            }
        }
    }
}
