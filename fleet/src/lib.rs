//! A fleet: processes of hosts, each with several instances of the component, over three real
//! servers: of PostgreSQL, of which one of two standbys confirms each durable write, or of etcd.
//! Things happen to both, and what the hosts were acknowledged is compared with what is found.
//!
//! The ledger is kept outside of the hosts, from the lines that they say, so that it outlives them.
//! After each event everybody stands still while it is judged: otherwise the next write of a run
//! would hide that the last one is missing.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod command;
mod etcd;
mod events;
mod fleet;
pub mod host;
mod images;
mod judge;
mod kept;
mod ledger;
mod machines;
mod network;
mod patroni;
mod postgres;
mod process;
pub mod report;
mod servers;
pub mod settings;
mod undo;
mod word;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tandem_tests::{etcd as etcd_programs, postgres as postgres_programs};

use etcd::Etcd;
use fleet::Fleet;
use patroni::Patroni;
use postgres::Postgres;
use report::{Entry, Outcome};
use servers::Nodes;
use settings::{Event, Settings, Store};

/// Plays the events, in turn until the time is over and each at least once, and tells each as soon as
/// it was judged. The program is that of hosts.
///
/// # Errors
/// Something is not installed, cannot be started, fails that must not, or does not come about.
pub fn play(
    settings: Settings,
    program: PathBuf,
    mut tell: impl FnMut(&Entry),
) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    let mut note = |entry: Entry| {
        tell(&entry);
        entries.push(entry);
    };
    match settings.store {
        Store::Postgres => {
            let installed = postgres_programs::Installed::get()?;
            if !settings.events().is_empty() {
                play_on(Postgres::new(installed)?, &settings, &program, &mut note)?;
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
        }
        Store::Etcd if settings.has_patroni() => {
            return Err("etcd has no Patroni: it chooses its leader itself".to_owned());
        }
        Store::Etcd => {
            let installed = etcd_programs::Installed::get()?;
            play_on(Etcd::new(installed)?, &settings, &program, &mut note)?;
        }
    }
    Ok(entries)
}

/// Plays the events that happen to one cluster.
fn play_on<S: Nodes>(
    cluster: S,
    settings: &Settings,
    program: &Path,
    note: &mut impl FnMut(Entry),
) -> Result<(), String> {
    let events = settings.events();
    let time = Duration::from_secs(settings.seconds);
    let mut fleet = Fleet::new(settings.clone(), cluster, program.into())?;
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
    Ok(())
}
