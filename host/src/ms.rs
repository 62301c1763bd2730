//! Durations in whole milliseconds, which is how the component counts, and how options are written.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Rounded up, so that nothing happens too early.
pub(crate) fn to_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Whether [`to_ms`] tells it whole.
pub(crate) fn fits(duration: Duration) -> bool {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).is_ok()
}

pub(crate) fn serialize<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    duration.map(to_ms).serialize(serializer)
}

pub(crate) fn serialize_some<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    to_ms(*duration).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_rounded_up_to_milliseconds() {
        for (duration, ms) in [
            (Duration::ZERO, 0),
            (Duration::from_nanos(1), 1),
            (Duration::from_micros(1_000), 1),
            (Duration::from_micros(1_001), 2),
            (Duration::from_millis(u64::MAX), u64::MAX),
        ] {
            assert_eq!(to_ms(duration), ms, "{duration:?}");
            assert!(fits(duration));
        }
        assert!(!fits(Duration::from_millis(u64::MAX) + Duration::from_nanos(1)));
        assert!(!fits(Duration::MAX));
    }
}
