//! A short fleet, with everything happening to it once.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use tandem_fleet::report::{Entry, Outcome, table};
use tandem_fleet::settings::{Event, Settings, Store};
use tandem_tests::postgres::not_run;
use tandem_tests::{clusters, servers};

#[test]
fn nothing_acknowledged_is_lost_whatever_happens_to_the_fleet() {
    servers!();
    let entries = play(Store::Postgres, &Event::ALL);
    // Each was judged, and something was acknowledged meanwhile; or it cannot be played here.
    assert_eq!(entries.len(), 9);
}

#[test]
fn nothing_acknowledged_is_lost_whatever_happens_to_the_fleet_over_etcd() {
    clusters!();
    assert_eq!(play(Store::Etcd, &Event::ALL).len(), 9);
}

#[test]
fn nothing_acknowledged_is_lost_in_a_failover_by_patroni() {
    servers!();
    match &*play(Store::Postgres, &[Event::Patroni]) {
        [Entry { outcome: Outcome::NotPlayed(reason), .. }] => not_run(reason),
        entries => assert_eq!(entries.len(), 2),
    }
}

/// One fleet at a time: each needs all processors, and waits for what others keep from it.
static ONE: Mutex<()> = Mutex::new(());

/// Lets it happen to a short fleet. Nothing is to be wrong.
fn play(store: Store, events: &[Event]) -> Vec<Entry> {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let settings = Settings {
        store,
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
    let entries = tandem_fleet::play(settings, program, |_| {}).unwrap();
    let table = table(&entries);
    eprintln!("{table}");
    assert!(entries.iter().all(|entry| entry.wrong().is_empty()), "{table}");
    entries
}
