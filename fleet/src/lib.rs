//! A fleet: processes of hosts, each with several instances of the component, over three real
//! PostgreSQL servers of which one of two standbys confirms each durable write. Things happen to
//! both, and what the hosts were acknowledged is compared with what is found.
//!
//! The ledger is kept outside of the hosts, from the lines that they say, so that it outlives them.
//! After each event everybody stands still while it is judged: otherwise the next write of a run
//! would hide that the last one is missing.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod cluster;
mod command;
mod events;
mod fleet;
pub mod host;
mod images;
mod judge;
mod kept;
mod ledger;
mod network;
mod patroni;
mod process;
pub mod report;
mod servers;
pub mod settings;
mod undo;
mod word;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tandem_tests::postgres::Installed;

use cluster::Cluster;
use fleet::Fleet;
use patroni::Patroni;
use report::{Entry, Outcome};
use settings::{Event, Settings};

/// Plays the events, in turn until the time is over and each at least once, and tells each as soon as
/// it was judged. The program is that of hosts.
///
/// # Errors
/// Something cannot be started, fails that must not, or does not come about.
pub fn play(
    settings: Settings,
    installed: &Installed,
    program: PathBuf,
    mut tell: impl FnMut(&Entry),
) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    let mut note = |entry: Entry| {
        tell(&entry);
        entries.push(entry);
    };
    let events = settings.events();
    if !events.is_empty() {
        let time = Duration::from_secs(settings.seconds);
        let cluster = Cluster::new(installed)?;
        let mut fleet = Fleet::new(settings.clone(), cluster, program.clone())?;
        let began = Instant::now();
        for (played, event) in events.iter().cycle().enumerate() {
            if played >= events.len() && began.elapsed() >= time {
                break;
            }
            let entry = events::play(&mut fleet, *event)?;
            let is_wrong = !entry.wrong().is_empty();
            note(entry);
            if is_wrong {
                break;
            }
        }
        note(events::end(&mut fleet)?);
    }
    if settings.has_patroni() {
        match Patroni::new(installed) {
            Ok(cluster) => {
                let mut fleet = Fleet::new(settings, cluster, program)?;
                note(events::fail_over(&mut fleet)?);
                note(events::end(&mut fleet)?);
            }
            Err(reason) => note(Entry {
                event: Event::Patroni.name(),
                duration: Duration::ZERO,
                outcome: Outcome::NotPlayed(reason),
            }),
        }
    }
    Ok(entries)
}
