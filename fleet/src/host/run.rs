//! One run: its manifest, which changes, and its heartbeat.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tandem_host::{Error, ErrorKind, Reached, Request, Run, RunOptions, Tandem};

use super::instance::PAUSE;
use super::tell::{tell, tell_failed, tell_weak};
use super::{Orders, Stop};
use crate::kept::{manifest, number};
use crate::word::{Name, Word};

/// A run that is kept.
pub struct KeptRun {
    run: Run,
    name: Name,
    /// That of the manifest that was set last.
    number: u64,
    orders: Arc<Orders>,
    /// Somebody else owns it now.
    is_lost: Arc<AtomicBool>,
    stop: Stop,
}

impl KeptRun {
    /// Opens it, as often as it takes. None if this process is told to end.
    pub async fn open(
        tandem: &Tandem,
        orders: &Arc<Orders>,
        name: Name,
        mut stop: Stop,
    ) -> Option<KeptRun> {
        let heartbeat = Duration::from_millis(orders.heartbeat_ms);
        let (run, found) = loop {
            let options = RunOptions::new(&name.task, &name.run).heartbeat_interval(heartbeat);
            match tandem.open_run(options).await {
                Ok(run) => {
                    let document = run.recovered().document.as_ref();
                    // The judge finds out why it has no number.
                    let found = document.map(|text| number(text.as_bytes(), &name));
                    let found = found.and_then(Result::ok).unwrap_or_default();
                    match take_over(&run, found).await {
                        Ok(()) => break (run, found),
                        Err(error) => tell_failed("take-over", &error),
                    }
                }
                Err(error) => tell_failed("open", &error),
            }
            if !stop.goes_on_after(PAUSE).await {
                return None;
            }
        };
        tell(&Word::Opened(name.clone(), found));
        let (orders, is_lost) = (orders.clone(), Arc::default());
        Some(KeptRun { run, name, number: found, orders, is_lost, stop })
    }

    /// Keeps it until this process is told to end, or somebody else owns it.
    pub async fn keep(self, later: Duration) {
        let heartbeats = Heartbeats {
            run: self.run.clone(),
            name: self.name.clone(),
            interval: Duration::from_millis(self.orders.heartbeat_ms),
            is_lost: self.is_lost.clone(),
            stop: self.stop.clone(),
        };
        futures::future::join(self.change(later), heartbeats.keep()).await;
    }

    /// Changes the manifest, and has each change written.
    async fn change(mut self, later: Duration) {
        let step = Duration::from_millis(self.orders.step_ms);
        let mut pause = later;
        while self.stop.goes_on_after(pause).await && !self.is_lost.load(Ordering::SeqCst) {
            pause = step;
            self.number += 1;
            let text = manifest(&self.name, &self.orders.owner, self.number);
            if let Err(error) = self.run.set(text).await {
                tell_failed("set", &error);
                continue;
            }
            while !self.write().await {
                if self.is_lost.load(Ordering::SeqCst) || !self.stop.goes_on_after(PAUSE).await {
                    return;
                }
            }
        }
    }

    /// Whether the manifest is written, and that is acknowledged.
    async fn write(&self) -> bool {
        let receipt = self.run.schedule(Request::new().manifest().force()).await;
        match receipt.map(|receipt| receipt.manifest.map(|written| written.reached)) {
            Ok(Some(Reached::Durable)) => {
                tell(&Word::Manifest(self.name.clone(), self.number));
                return true;
            }
            Ok(_) => tell_weak("manifest"),
            Err(error) => failed("manifest", &error, &self.name, &self.is_lost),
        }
        false
    }
}

/// Writes what was found once more: of two owners the second one to write finds out, so whoever takes a
/// run over writes it at once.
async fn take_over(run: &Run, found: u64) -> Result<(), Error> {
    if found > 0 {
        run.schedule(Request::new().manifest().heartbeat().force()).await?;
    }
    Ok(())
}

/// The heartbeats of a run.
struct Heartbeats {
    run: Run,
    name: Name,
    interval: Duration,
    is_lost: Arc<AtomicBool>,
    stop: Stop,
}

impl Heartbeats {
    async fn keep(mut self) {
        let mut last: Option<Instant> = None;
        while !self.stop.is_told() && !self.is_lost.load(Ordering::SeqCst) {
            let written = self.run.schedule(Request::new().heartbeat());
            // A heartbeat that waits for its time does not keep the process.
            let written = tokio::select! {
                written = written => written,
                _ = self.stop.0.wait_for(|stop| *stop) => return,
            };
            match written {
                Ok(_) => {
                    let now = Instant::now();
                    let late = last.map(|last| now.duration_since(last));
                    let late = late.unwrap_or_default().saturating_sub(self.interval);
                    tell(&Word::Heartbeat(u64::try_from(late.as_millis()).unwrap_or(u64::MAX)));
                    last = Some(now);
                }
                Err(error) => {
                    failed("heartbeat", &error, &self.name, &self.is_lost);
                    if !self.stop.goes_on_after(PAUSE).await {
                        return;
                    }
                }
            }
        }
    }
}

/// Says it once if the run is somebody else's, and otherwise what failed.
fn failed(call: &str, error: &Error, name: &Name, is_lost: &AtomicBool) {
    if error.kind() != ErrorKind::Conflict {
        tell_failed(call, error);
    } else if !is_lost.swap(true, Ordering::SeqCst) {
        tell(&Word::Conflict(name.clone()));
    }
}
