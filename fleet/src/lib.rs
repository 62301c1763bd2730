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
mod process;
pub mod report;
pub mod settings;
mod undo;
mod word;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tandem_tests::postgres::Installed;

use fleet::Fleet;
use report::Entry;
use settings::Settings;

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
    let time = Duration::from_secs(settings.seconds);
    let events = settings.events();
    let mut fleet = Fleet::new(settings, installed, program)?;
    let mut entries = Vec::new();
    let began = Instant::now();
    for event in events.iter().cycle() {
        if entries.len() >= events.len() && began.elapsed() >= time {
            break;
        }
        let entry = events::play(&mut fleet, *event)?;
        tell(&entry);
        let is_wrong = !entry.wrong().is_empty();
        entries.push(entry);
        if is_wrong {
            break;
        }
    }
    let last = events::end(&mut fleet)?;
    tell(&last);
    entries.push(last);
    Ok(entries)
}
