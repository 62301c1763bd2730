//! Completed runs, recorded into tasks that all instances share.

use std::sync::Arc;
use std::time::Duration;

use tandem_host::{Reached, RecordOptions, Tandem};

use super::instance::PAUSE;
use super::tell::{tell, tell_failed, tell_weak};
use super::{Orders, Stop};
use crate::kept::summary;
use crate::word::{Name, Word};

/// Records one run after the other, each until it is acknowledged, into one task after the other.
pub async fn record(tandem: Tandem, orders: Arc<Orders>, number: u32, mut stop: Stop) {
    let pause = Duration::from_millis(orders.record_ms);
    // Not all instances at the same moment.
    let mut next = pause * (number % 16) / 16;
    for turn in 0_u32.. {
        if !stop.goes_on_after(next).await {
            return;
        }
        next = pause;
        let task = format!("shared-{}", number.wrapping_add(turn) % orders.tasks);
        let name = Name { task, run: format!("{}-{number}-{turn}", orders.owner) };
        while !is_recorded(&tandem, &name).await {
            if !stop.goes_on_after(PAUSE).await {
                return;
            }
        }
    }
}

/// Whether it is recorded, and that is acknowledged.
async fn is_recorded(tandem: &Tandem, name: &Name) -> bool {
    match tandem.record_run(summary(name), RecordOptions::new()).await {
        Ok(recorded) => {
            let reached = [recorded.summary.reached, recorded.history.reached];
            let is_durable = reached == [Reached::Durable; 2];
            match is_durable {
                true => tell(&Word::Record(name.clone())),
                false => tell_weak("record"),
            }
            return is_durable;
        }
        Err(error) => tell_failed("record", &error),
    }
    false
}
