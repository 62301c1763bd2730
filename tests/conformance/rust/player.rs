//! Plays a case, and stops waiting for one that hangs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use serde::Serialize;

use crate::call::Expect;
use crate::case::{Case, Flight, Step};
use crate::files::Sandbox;
use crate::host::{Host, InFlight, Kind};

/// A case takes far less.
pub const LIMIT: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Pass,
    Fail,
    Hang,
}

/// What became of a case, and why.
pub type Played = (Verdict, Option<String>);

/// Plays a case in a thread of its own, which is left behind if the case hangs.
pub fn play(kind: Kind, case: &Arc<Case>, limit: Duration) -> Played {
    let (sender, receiver) = mpsc::channel();
    let at = Arc::new(AtomicUsize::new(0));
    let (case, progress) = (case.clone(), at.clone());
    thread::spawn(move || {
        // Nobody waits for what comes too late.
        let _ = sender.send(steps(kind, &case, &progress));
    });
    match receiver.recv_timeout(limit) {
        Ok(Ok(())) => (Verdict::Pass, None),
        Ok(Err(detail)) => (Verdict::Fail, Some(detail)),
        Err(RecvTimeoutError::Timeout) => {
            let step = at.load(Ordering::SeqCst);
            (Verdict::Hang, Some(format!("step {step} has not ended")))
        }
        Err(RecvTimeoutError::Disconnected) => {
            let step = at.load(Ordering::SeqCst);
            (Verdict::Fail, Some(format!("step {step} panicked")))
        }
    }
}

fn steps(kind: Kind, case: &Case, progress: &AtomicUsize) -> Result<(), String> {
    let sandbox = Sandbox::new().map_err(|error| format!("cannot make a sandbox: {error}"))?;
    case.before.iter().try_for_each(|action| sandbox.act(action))?;
    let mut host = (kind.start)(&sandbox.granted(), case.limits.told())?;
    for (number, step) in case.steps.iter().enumerate() {
        progress.store(number + 1, Ordering::SeqCst);
        self::step(&mut *host, &sandbox, step)
            .map_err(|detail| format!("step {}: {detail}", number + 1))?;
    }
    sandbox.check(&case.after, true).map_err(|detail| format!("after: {detail}"))
}

fn step(host: &mut dyn Host, sandbox: &Sandbox, step: &Step) -> Result<(), String> {
    match step {
        Step::Call(expected) => {
            if matches!(expected.expect, Expect::Again(_)) && host.in_flight().is_some() {
                return Err(String::from("a call that comes too early waits here"));
            }
            expected.expect.check(&host.call(&expected.call))
        }
        Step::Flight(flight) => {
            let calls = host.in_flight().ok_or("a call blocks here, and none can be started")?;
            self::flight(calls, sandbox, flight)
        }
        Step::Act(action) => sandbox.act(action),
        Step::Check(entries) => sandbox.check(entries, false),
    }
}

fn flight(host: &mut dyn InFlight, sandbox: &Sandbox, flight: &Flight) -> Result<(), String> {
    match flight {
        Flight::Start { name, call } => host.start(name, call),
        Flight::IsWaiting { calls } => calls.iter().try_for_each(|name| {
            if host.is_waiting(name)? { Ok(()) } else { Err(format!("`{name}` has ended")) }
        }),
        Flight::Await { call, expect } => {
            expect.check(&host.wait(call)?).map_err(|detail| format!("`{call}`: {detail}"))
        }
        Flight::WaitFor { files } => {
            // If that never is, the case hangs, and is given up as any that does.
            while sandbox.check(files, false).is_err() {
                host.go_on();
            }
            Ok(())
        }
        Flight::Together { calls } => {
            let name = |number: usize| format!("call {} of those together", number + 1);
            for (number, expected) in calls.iter().enumerate() {
                host.start(&name(number), &expected.call)?;
            }
            for (number, expected) in calls.iter().enumerate() {
                let outcome = host.wait(&name(number))?;
                let told = |detail| format!("{}: {detail}", name(number));
                expected.expect.check(&outcome).map_err(told)?;
            }
            Ok(())
        }
    }
}
