//! Durations that a caller gives.

use std::time::Duration;

use crate::error::Error;
use crate::ms::fits;

/// # Errors
/// `invalid-input`: one is above what counts in milliseconds.
pub(crate) fn check<const N: usize>(durations: [(&str, Option<Duration>); N]) -> Result<(), Error> {
    for (name, duration) in durations {
        if let Some(duration) = duration.filter(|duration| !fits(*duration)) {
            return Err(Error::invalid_input(format!(
                "{name} is above {} ms: {duration:?}",
                u64::MAX
            )));
        }
    }
    Ok(())
}
