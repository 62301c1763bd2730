//! What all requests share.

use std::io;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::bounds::READINGS_MAX;
use super::watcher::Watcher;
use crate::location::OpenedLocation;

pub struct Server {
    pub place: OpenedLocation,
    pub is_polled: bool,
    /// Whether it listens for this machine alone, so that requests can have no other name for it.
    pub is_loopback: bool,
    pub watcher: Arc<Watcher>,
    readings: Arc<Semaphore>,
}

impl Server {
    /// # Errors
    /// The system's.
    pub fn start(
        place: OpenedLocation,
        is_polled: bool,
        is_loopback: bool,
    ) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Server {
            watcher: Watcher::start(place.clone(), is_polled)?,
            place,
            is_polled,
            is_loopback,
            readings: Arc::new(Semaphore::new(READINGS_MAX)),
        }))
    }

    /// Waits until something large may be read.
    pub async fn reading(&self) -> Result<OwnedSemaphorePermit, String> {
        let permit = self.readings.clone().acquire_owned().await;
        permit.map_err(|_| "nothing is read any more".to_owned())
    }
}
