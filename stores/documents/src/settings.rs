//! What a store tells all who keep runs in it.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tandem_disk::ErrorCode;

use crate::{Documents, Expect, Level, Trouble};

/// No task has its name.
const KEY: &str = ".tandem/settings.json";
const HEARTBEAT_INTERVAL: &str = "heartbeat_interval_ms";
/// Others may write it at the same time.
const TRIES: usize = 16;

/// Settings of a store: one JSON document, in which members that this release does not know stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// How often runs that are told nothing else show a sign of life, so that a large fleet writes no
    /// more heartbeats than its store can bear: runs divided by this is how many there are in a
    /// second. One millisecond to one day. Whoever keeps a run says in its manifest after how long
    /// it is stale (`heartbeat_stale_after_seconds`), which is what its readers go by, so a run keeps
    /// the interval that it began with.
    pub heartbeat_interval: Option<Duration>,
}

impl Settings {
    /// The intervals of heartbeats that can be told: what is longer is a mistake.
    pub const HEARTBEAT_INTERVALS: RangeInclusive<Duration> =
        Duration::from_millis(1)..=Duration::from_secs(24 * 60 * 60);

    /// With this interval of heartbeats.
    pub fn heartbeat_interval(self, interval: Duration) -> Self {
        Settings { heartbeat_interval: Some(interval) }
    }

    /// Those of a store; one that has none has the default.
    ///
    /// # Errors
    /// The store's; or what is there is not what this is.
    pub async fn read<D: Documents>(store: &D) -> Result<Self, Trouble> {
        let found = store.get(KEY).await?;
        let members = members(found.and_then(|document| document.body).as_deref())?;
        let heartbeat_interval = match members.get(HEARTBEAT_INTERVAL) {
            None => None,
            Some(value) => {
                let told = || refused(format!("{HEARTBEAT_INTERVAL} is no number of milliseconds"));
                Some(checked(Duration::from_millis(value.as_u64().ok_or_else(told)?))?)
            }
        };
        Ok(Settings { heartbeat_interval })
    }

    /// Tells them to all who open a run from now on. What is none stays as it is.
    ///
    /// # Errors
    /// As [`read`](Settings::read); or a value is out of its bounds.
    pub async fn write<D: Documents>(&self, store: &D) -> Result<(), Trouble> {
        for _ in 0..TRIES {
            let found = store.get(KEY).await?;
            let expect = Expect::of(found.as_ref());
            let mut members = members(found.and_then(|document| document.body).as_deref())?;
            if let Some(interval) = self.heartbeat_interval {
                let ms = u64::try_from(checked(interval)?.as_millis()).unwrap_or(u64::MAX);
                members.insert(HEARTBEAT_INTERVAL.to_owned(), ms.into());
            }
            let body: Arc<[u8]> = format!("{}\n", Value::Object(members)).into_bytes().into();
            if store.replace(KEY, Some(body), expect, Level::Durable).await?.is_some() {
                return Ok(());
            }
        }
        Err(Trouble::unknown("others write the settings of the store all the time, try again"))
    }
}

fn members(body: Option<&[u8]>) -> Result<Map<String, Value>, Trouble> {
    let Some(body) = body else { return Ok(Map::new()) };
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(refused("it is no JSON object")),
        Err(error) => Err(refused("it is no JSON").because(error)),
    }
}

fn checked(interval: Duration) -> Result<Duration, Trouble> {
    let is_within = Settings::HEARTBEAT_INTERVALS.contains(&interval);
    is_within.then_some(interval).ok_or_else(|| {
        let ms = interval.as_millis();
        refused(format!("{HEARTBEAT_INTERVAL} is not within a millisecond and a day: {ms}"))
    })
}

fn refused(why: impl std::fmt::Display) -> Trouble {
    Trouble::refused(
        ErrorCode::Io,
        format!("the settings of the store cannot be used, {KEY}: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::MemoryDocuments;

    fn holding(text: &str) -> MemoryDocuments {
        let store = MemoryDocuments::new();
        let body = Some(Arc::from(text.as_bytes()));
        block_on(store.replace(KEY, body, Expect::Absent, Level::Durable)).unwrap().unwrap();
        store
    }

    #[test]
    fn a_store_tells_what_it_was_told_and_keeps_what_others_told() {
        let store = MemoryDocuments::new();
        assert_eq!(block_on(Settings::read(&store)).unwrap(), Settings::default());
        let settings = Settings { heartbeat_interval: Some(Duration::from_secs(15)) };
        block_on(settings.write(&store)).unwrap();
        assert_eq!(block_on(Settings::read(&store)).unwrap(), settings);

        let store = holding(r#"{"heartbeat_interval_ms": 5, "of_a_later_release": [1]}"#);
        block_on(settings.write(&store)).unwrap();
        assert_eq!(block_on(Settings::read(&store)).unwrap(), settings);
        let text = store.documents()[KEY].to_vec();
        assert!(String::from_utf8(text).unwrap().contains(r#""of_a_later_release":[1]"#));
        // None says nothing.
        block_on(Settings::default().write(&store)).unwrap();
        assert_eq!(block_on(Settings::read(&store)).unwrap(), settings);
    }

    #[test]
    fn what_is_no_setting_is_told_and_stays() {
        for text in [
            "",
            "[]",
            "{",
            r#"{"heartbeat_interval_ms": 0}"#,
            r#"{"heartbeat_interval_ms": -1}"#,
            r#"{"heartbeat_interval_ms": "5s"}"#,
            r#"{"heartbeat_interval_ms": 86400001}"#,
        ] {
            let store = holding(text);
            let told = block_on(Settings::read(&store)).unwrap_err();
            assert!(told.is_refused() && told.to_string().contains(KEY), "{text}: {told}");
        }
        let store = holding("[]");
        let settings = Settings { heartbeat_interval: Some(Duration::from_secs(1)) };
        assert!(block_on(settings.write(&store)).unwrap_err().is_refused());
        assert_eq!(&*store.documents()[KEY], b"[]");
        for interval in
            [Duration::ZERO, *Settings::HEARTBEAT_INTERVALS.end() + Duration::from_millis(1)]
        {
            let settings = Settings { heartbeat_interval: Some(interval) };
            let store = MemoryDocuments::new();
            assert!(block_on(settings.write(&store)).unwrap_err().is_refused());
            assert!(store.documents().is_empty());
        }
    }
}
