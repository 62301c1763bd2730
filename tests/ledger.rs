//! Writers that keep what was acknowledged, and whether it is found again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use futures::executor::block_on;
use tandem_documents::{Documents, Expect, Level};

use crate::postgres::wait_until;

/// What one writer knows of its key.
struct Line {
    key: String,
    /// The number that was acknowledged last.
    acknowledged: u64,
    /// The number that was sent last.
    sent: u64,
}

/// Everything that was acknowledged.
pub struct Ledger {
    lines: Vec<Line>,
    pub acknowledged: u64,
    pub unknown: u64,
}

impl Ledger {
    /// Has writers write, each to a key of its own, while something happens.
    pub fn keep(
        store: &impl Documents,
        writers: usize,
        happens: impl FnOnce(&dyn Fn(u64)),
    ) -> Ledger {
        let is_over = AtomicBool::new(false);
        let (acknowledged, unknown) = (AtomicU64::new(0), AtomicU64::new(0));
        let lines = thread::scope(|scope| {
            let (is_over, acknowledged, unknown) = (&is_over, &acknowledged, &unknown);
            let write = |writer: usize| {
                let key = format!("ledger/{writer}");
                move || line(store, key, is_over, acknowledged, unknown)
            };
            let threads: Vec<_> = (0..writers).map(|writer| scope.spawn(write(writer))).collect();
            // The writers end also if what happens fails, or the scope would wait for ever.
            let end = End(is_over);
            happens(&|more| {
                let goal = acknowledged.load(Ordering::SeqCst) + more;
                wait_until("writes are acknowledged", || {
                    acknowledged.load(Ordering::SeqCst) >= goal
                });
            });
            drop(end);
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (acknowledged, unknown) = (acknowledged.into_inner(), unknown.into_inner());
        Ledger { lines, acknowledged, unknown }
    }

    /// Compares it with what is there.
    pub fn check(&self, store: &impl Documents, what: &str) {
        let mut lost = Vec::new();
        for Line { key, acknowledged, sent } in &self.lines {
            let found = block_on(store.get(key)).unwrap();
            let found = found.and_then(|document| document.body).map_or(0, |body| number(&body));
            if found < *acknowledged || found > *sent {
                lost.push(format!(
                    "{key}: {acknowledged} acknowledged, {sent} sent, {found} found"
                ));
            }
        }
        let Ledger { acknowledged, unknown, .. } = self;
        eprintln!("{what}: {acknowledged} acknowledged, {unknown} unknown, {} lost", lost.len());
        assert!(lost.is_empty(), "{lost:#?}");
    }
}

/// Sets it when it is dropped, be it in a panic.
pub struct End<'a>(pub &'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn number(body: &[u8]) -> u64 {
    std::str::from_utf8(body).unwrap().parse().unwrap()
}

/// Writes numbers, one after the other. Whatever it is not sure of, it looks at.
fn line(
    store: &impl Documents,
    key: String,
    is_over: &AtomicBool,
    acknowledged: &AtomicU64,
    unknown: &AtomicU64,
) -> Line {
    let mut line = Line { key, acknowledged: 0, sent: 0 };
    let mut expect = Expect::Absent;
    while !is_over.load(Ordering::SeqCst) {
        line.sent += 1;
        let body = Some(Arc::from(line.sent.to_string().into_bytes()));
        let outcome = block_on(store.replace(&line.key, body, expect, Level::Durable));
        match outcome {
            Ok(Some(version)) => {
                line.acknowledged = line.sent;
                acknowledged.fetch_add(1, Ordering::SeqCst);
                expect = Expect::Is(version);
                continue;
            }
            Ok(None) => {}
            Err(trouble) if trouble.is_refused() => continue,
            Err(_) => {
                unknown.fetch_add(1, Ordering::SeqCst);
            }
        }
        while !is_over.load(Ordering::SeqCst) {
            if let Ok(found) = block_on(store.get(&line.key)) {
                expect = found.map_or(Expect::Absent, |document| Expect::Is(document.version));
                break;
            }
        }
    }
    line
}
