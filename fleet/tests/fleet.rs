//! A short fleet, with everything happening to it once.

use std::path::PathBuf;

use tandem_fleet::report::{Entry, Outcome, table};
use tandem_fleet::settings::{Event, Settings};
use tandem_tests::postgres::{Installed, not_run};
use tandem_tests::servers;

#[test]
fn nothing_acknowledged_is_lost_whatever_happens_to_the_fleet() {
    let entries = play(servers!(), &Event::ALL);
    // Each was judged, and something was acknowledged meanwhile; or it cannot be played here.
    assert_eq!(entries.len(), 9);
}

#[test]
fn nothing_acknowledged_is_lost_in_a_failover_by_patroni() {
    match &*play(servers!(), &[Event::Patroni]) {
        [Entry { outcome: Outcome::NotPlayed(reason), .. }] => not_run(reason),
        entries => assert_eq!(entries.len(), 2),
    }
}

/// Lets it happen to a short fleet. Nothing is to be wrong.
fn play(installed: &Installed, events: &[Event]) -> Vec<Entry> {
    let settings = Settings {
        seconds: 0,
        steady_seconds: 0,
        only: events.to_vec(),
        processes: 5,
        instances: 50,
        runs: 4,
        tasks: 8,
        step_ms: 1000,
        heartbeat_ms: 1000,
        record_ms: 2000,
        patience_ms: 2000,
        acknowledgements: 200,
    };
    let program = PathBuf::from(env!("CARGO_BIN_EXE_tandem-fleet"));
    let entries = tandem_fleet::play(settings, installed, program, |_| {}).unwrap();
    let table = table(&entries);
    eprintln!("{table}");
    assert!(entries.iter().all(|entry| entry.wrong().is_empty()), "{table}");
    entries
}
