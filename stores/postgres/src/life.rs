//! One life of a server: from a start, a crash or a promotion to the next.

/// What tells lives apart. In one life no transaction that others could see is lost, and no id of a
/// transaction is given twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// Which cluster of databases: all copies of one have the same.
    pub system: String,
    /// The hexadecimal number of promotions, in eight digits.
    pub timeline: String,
    /// When the server was started, and when it last recovered from a crash, which sets back its
    /// statistics.
    pub since: String,
}

impl Life {
    /// Whether the other one is a life of the same cluster that was replaced by this one.
    pub fn replaces(&self, other: &Life) -> bool {
        self.system == other.system && self.timeline > other.timeline
    }

    /// As one word.
    pub fn word(&self) -> String {
        format!("{}/{}/{}", self.system, self.timeline, self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(system: &str, timeline: &str) -> Life {
        Life { system: system.into(), timeline: timeline.into(), since: "1".into() }
    }

    #[test]
    fn a_newer_timeline_of_the_same_cluster_replaces_the_older() {
        assert!(life("1", "0000000A").replaces(&life("1", "00000009")));
        assert!(!life("1", "00000009").replaces(&life("1", "0000000A")));
        assert!(!life("1", "00000009").replaces(&life("1", "00000009")));
        assert!(!life("1", "0000000A").replaces(&life("2", "00000009")));
    }
}
