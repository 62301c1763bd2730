//! Plays a case, and stops waiting for one that hangs.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::case::{Case, Flight, Step};
use crate::conversation::{Conversation, Stop};
use crate::expect::Expect;
use crate::files::Sandbox;
use crate::host::{Calls, Host};

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
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    pub verdict: Verdict,
    pub detail: Option<String>,
    /// What it was played with, if the player came to say so.
    pub versions: Map<String, Value>,
}

/// One case in one host.
struct Game<'a> {
    host: &'a Host,
    sandbox: &'a Sandbox,
    talk: Conversation<'a>,
    /// Calls that were started, and are not awaited yet.
    started: HashMap<&'a str, u64>,
}

pub fn play(host: &Host, workspace: &Path, case: &Case, limit: Duration) -> Played {
    let (mut versions, mut at) = (Map::new(), String::from("the start"));
    let ended = steps(host, workspace, case, Instant::now() + limit, &mut versions, &mut at);
    let (verdict, detail) = match ended {
        Ok(()) => (Verdict::Pass, None),
        Err(Stop::Fails(detail)) => (Verdict::Fail, Some(format!("{at}: {detail}"))),
        Err(Stop::Hangs) => (Verdict::Hang, Some(format!("{at} has not ended"))),
    };
    Played { verdict, detail, versions }
}

fn steps(
    host: &Host,
    workspace: &Path,
    case: &Case,
    until: Instant,
    versions: &mut Map<String, Value>,
    at: &mut String,
) -> Result<(), Stop> {
    let sandbox =
        Sandbox::new(host.store).map_err(|error| format!("cannot make a sandbox: {error}"))?;
    case.before.iter().try_for_each(|action| sandbox.act(action))?;
    let (talk, told) =
        Conversation::begin(host, workspace, &sandbox.granted(), &case.limits.0, until)?;
    *versions = told;
    let mut game = Game { host, sandbox: &sandbox, talk, started: HashMap::new() };
    match game.all(case, at) {
        Err(Stop::Hangs) => Err(Stop::Hangs),
        // What the player keeps is closed before the directory goes.
        ended => {
            let closed = game.talk.end();
            ended.and(closed)
        }
    }
}

impl<'a> Game<'a> {
    fn all(&mut self, case: &'a Case, at: &mut String) -> Result<(), Stop> {
        let mut taken = 0;
        while taken < case.steps.len() {
            *at = format!("step {}", taken + 1);
            taken += self.step(&case.steps[taken..])?;
        }
        *at = String::from("after");
        self.sandbox.check(&case.after, true)?;
        match self.started.keys().next() {
            Some(name) => Err(format!("`{name}` was started, and nobody awaits it").into()),
            None => Ok(()),
        }
    }

    /// Takes the first of these steps, and those that belong to its tick. It answers how many.
    fn step(&mut self, steps: &'a [Step]) -> Result<usize, Stop> {
        match &steps[0] {
            Step::Flight(_) if self.host.calls == Calls::Block => {
                return Err(String::from("a call blocks here, and none can be started").into());
            }
            Step::Flight(Flight::Start { .. }) => {
                let starts = steps.iter().map_while(|step| match step {
                    Step::Flight(Flight::Start { name, call }) => Some((&**name, call)),
                    _ => None,
                });
                let (names, calls): (Vec<_>, Vec<_>) = starts.unzip();
                return self.start(&names, &calls).map(|()| names.len());
            }
            Step::Flight(flight) => self.flight(flight)?,
            Step::Call(expected) => {
                self.may_expect(&expected.expect)?;
                for id in self.talk.ask([&expected.call]) {
                    expected.expect.check(&self.talk.outcome(id)?)?;
                }
            }
            Step::Act(action) => self.sandbox.act(action)?,
            Step::Check(entries) => self.sandbox.check(entries, false)?,
        }
        Ok(1)
    }

    fn may_expect(&self, expect: &Expect) -> Result<(), String> {
        match (expect, self.host.calls) {
            (Expect::Again(_), Calls::Wait) => {
                Err(String::from("a call that comes too early waits here"))
            }
            _ => Ok(()),
        }
    }

    fn start(&mut self, names: &[&'a str], calls: &[&Call]) -> Result<(), Stop> {
        let ids = self.talk.ask(calls.iter().copied());
        for (name, id) in names.iter().zip(ids) {
            if self.started.insert(*name, id).is_some() {
                return Err(format!("`{name}` was started already").into());
            }
        }
        Ok(())
    }

    fn flight(&mut self, flight: &'a Flight) -> Result<(), Stop> {
        match flight {
            Flight::Start { name, call } => self.start(&[name], &[call]),
            Flight::IsWaiting { calls } => {
                self.talk.look()?;
                for name in calls {
                    if self.talk.has_ended(self.id(name)?) {
                        return Err(format!("`{name}` has ended").into());
                    }
                }
                Ok(())
            }
            Flight::Await { call, expect } => {
                self.may_expect(expect)?;
                let id = self.id(call)?;
                self.started.remove(&**call);
                let outcome = self.talk.outcome(id)?;
                Ok(expect.check(&outcome).map_err(|detail| format!("`{call}`: {detail}"))?)
            }
            Flight::WaitFor { files } => {
                // If that never is, the case hangs, and is given up as any that does.
                while self.sandbox.check(files, false).is_err() {
                    self.talk.go_on()?;
                }
                Ok(())
            }
            Flight::Together { calls } => {
                calls.iter().try_for_each(|expected| self.may_expect(&expected.expect))?;
                let ids = self.talk.ask(calls.iter().map(|expected| &expected.call));
                for (number, (expected, id)) in calls.iter().zip(ids).enumerate() {
                    let outcome = self.talk.outcome(id)?;
                    let told = |detail| format!("call {} of those together: {detail}", number + 1);
                    expected.expect.check(&outcome).map_err(told)?;
                }
                Ok(())
            }
        }
    }

    fn id(&self, name: &str) -> Result<u64, String> {
        self.started.get(name).copied().ok_or_else(|| format!("no `{name}` was started"))
    }
}
