//! How large the fleet is, and what happens to it.

use clap::{Args, ValueEnum};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Event {
    /// Nothing
    Steady,
    /// The primary is killed, and a standby promoted
    PrimaryKilled,
    /// The primary stands still, a standby is promoted, and the primary goes on
    PrimaryStopped,
    /// A standby is killed
    StandbyKilled,
    /// The primary is cut off, together with a process of hosts, and a standby promoted
    NodeCutOff,
    /// All servers lose power at the same time
    PowerCut,
    /// A process of hosts is killed, and another one takes its runs over
    HostKilled,
    /// A process of hosts stands still, another one takes its runs over, and it goes on
    HostStopped,
    /// The primary is killed with its Patroni, and Patroni promotes a standby
    Patroni,
}

impl Event {
    /// All that happen to one cluster, one after the other.
    pub const ALL: [Event; 8] = [
        Event::Steady,
        Event::PrimaryKilled,
        Event::PrimaryStopped,
        Event::StandbyKilled,
        Event::NodeCutOff,
        Event::PowerCut,
        Event::HostKilled,
        Event::HostStopped,
    ];

    /// As the command line has it.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Which servers there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Store {
    /// A primary and two standbys of PostgreSQL, of which one confirms
    #[default]
    Postgres,
    /// Three nodes of etcd
    Etcd,
}

/// What is played, by default the long one.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// The servers that the hosts keep their runs in
    #[arg(long, value_enum, default_value_t)]
    pub store: Store,
    /// Go through the events, and begin with no further one after so many seconds
    #[arg(long, default_value_t = 600)]
    pub seconds: u64,
    /// How many seconds of nothing are measured
    #[arg(long, default_value_t = 30)]
    pub steady_seconds: u64,
    /// Only this event; may be given several times
    #[arg(long = "only", value_name = "EVENT")]
    pub only: Vec<Event>,
    /// How many processes of hosts there are
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub processes: u32,
    /// How many instances of the component they have together
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub instances: u32,
    /// How many runs each instance keeps
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub runs: u32,
    /// How many tasks all instances share
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub tasks: u32,
    /// How many milliseconds are from one change of a run's manifest to the next
    #[arg(long, default_value_t = 30_000)]
    pub step_ms: u64,
    /// How many milliseconds are from one heartbeat of a run to the next
    #[arg(long, default_value_t = 5_000)]
    pub heartbeat_ms: u64,
    /// How many milliseconds are from one run that an instance records to the next
    #[arg(long, default_value_t = 10_000)]
    pub record_ms: u64,
    /// How many milliseconds a request of a host waits for the store
    #[arg(long, default_value_t = 5_000)]
    pub patience_ms: u64,
    /// How many acknowledgements are waited for before and after something happens
    #[arg(long, default_value_t = 2_000)]
    pub acknowledgements: u64,
}

impl Settings {
    /// The events that are played on one cluster.
    pub fn events(&self) -> Vec<Event> {
        let chosen = if self.only.is_empty() { &Event::ALL[..] } else { &self.only };
        chosen.iter().copied().filter(|event| *event != Event::Patroni).collect()
    }

    /// Whether Patroni is to fail over, on a cluster of its own.
    pub fn has_patroni(&self) -> bool {
        let may_be = self.only.is_empty() && self.store == Store::Postgres;
        may_be || self.only.contains(&Event::Patroni)
    }
}
