//! Documents and marks as values: a header, then the body.
//!
//! The header is one byte for the layout, one for the kind, and eight for the time of the writing in
//! nanoseconds since 1970, signed, the largest byte first.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The layout of what this release writes.
const LAYOUT: u8 = 1;

const DOCUMENT: u8 = b'd';
const MARK: u8 = b'm';

const TIME_BYTES: usize = 8;

/// What a value has more than a body.
pub(crate) const HEADER_BYTES: usize = 2 + TIME_BYTES;

/// What a value says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    /// None for a mark.
    pub body: Option<Arc<[u8]>>,
    pub modified: SystemTime,
}

/// A value of a body, or of a mark.
pub(crate) fn encode(body: Option<&[u8]>, modified: SystemTime) -> Vec<u8> {
    let mut value = Vec::with_capacity(HEADER_BYTES + body.map_or(0, <[u8]>::len));
    value.extend([LAYOUT, if body.is_some() { DOCUMENT } else { MARK }]);
    value.extend(nanos(modified).to_be_bytes());
    value.extend(body.unwrap_or_default());
    value
}

/// What a value says; none if it is none of this layout.
pub(crate) fn decode(value: &[u8]) -> Option<Value> {
    let (&[layout, kind], rest) = value.split_first_chunk::<2>()?;
    let (time, body) = rest.split_first_chunk::<TIME_BYTES>()?;
    let body = match (layout, kind) {
        (LAYOUT, DOCUMENT) => Some(Arc::from(body)),
        (LAYOUT, MARK) if body.is_empty() => None,
        _ => return None,
    };
    Some(Value { body, modified: time_of(i64::from_be_bytes(*time))? })
}

/// What cannot be told in 64 bits is told as the last time that can.
fn nanos(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(error) => i64::try_from(error.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
    }
}

fn time_of(nanos: i64) -> Option<SystemTime> {
    let distance = Duration::from_nanos(nanos.unsigned_abs());
    match nanos < 0 {
        true => SystemTime::UNIX_EPOCH.checked_sub(distance),
        false => SystemTime::UNIX_EPOCH.checked_add(distance),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_says_what_was_written() {
        let epoch = SystemTime::UNIX_EPOCH;
        let late = epoch + Duration::new(1_800_000_000, 123_456_789);
        for modified in [epoch, late, epoch - Duration::new(5, 1)] {
            for body in [None, Some(b"".as_slice()), Some(b"\0m")] {
                let value = decode(&encode(body, modified)).unwrap();
                assert_eq!(value, Value { body: body.map(Arc::from), modified });
            }
        }
    }

    #[test]
    fn the_layout_is_held() {
        let modified = SystemTime::UNIX_EPOCH + Duration::from_nanos(258);
        assert_eq!(encode(Some(b"{}"), modified), b"\x01d\0\0\0\0\0\0\x01\x02{}");
        assert_eq!(encode(None, modified), b"\x01m\0\0\0\0\0\0\x01\x02");
    }

    #[test]
    fn what_others_wrote_is_none() {
        for value in [
            b"".as_slice(),
            b"{}",
            b"\x01d\0\0\0\0\0\0\0",
            b"\x02d\0\0\0\0\0\0\0\0",
            b"\x01x\0\0\0\0\0\0\0\0",
            b"\x01m\0\0\0\0\0\0\0\0{}",
        ] {
            assert_eq!(decode(value), None, "{value:?}");
        }
    }

    #[test]
    fn a_time_beyond_what_can_be_told_is_the_last_one() {
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40);
        let told = decode(&encode(None, modified)).unwrap().modified;
        assert_eq!(told, SystemTime::UNIX_EPOCH + Duration::from_nanos(i64::MAX.unsigned_abs()));
    }
}
