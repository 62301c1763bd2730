//! What happens to a fleet, and what is found each time.

use std::time::{Duration, Instant};

use crate::fleet::Fleet;
use crate::judge::Verdict;
use crate::patroni::Patroni;
use crate::report::{Entry, Outcome};
use crate::servers::{Nodes, Servers};
use crate::settings::Event;

/// Whether an event was played.
enum Played {
    Yes(Verdict),
    /// With what was measured.
    Measured(Verdict, Vec<String>),
    /// Why not.
    No(String),
}

/// Plays an event, and judges.
///
/// # Errors
/// Something fails that must not, or does not come about.
pub fn play<S: Nodes>(fleet: &mut Fleet<S>, event: Event) -> Result<Entry, String> {
    fleet.ledger.turn();
    let began = Instant::now();
    let played = match event {
        Event::Steady => steady(fleet)?,
        Event::PrimaryKilled => primary_killed(fleet)?,
        Event::PrimaryStopped => primary_stopped(fleet)?,
        Event::StandbyKilled => standby_killed(fleet)?,
        Event::NodeCutOff => node_cut_off(fleet)?,
        Event::PowerCut => power_cut(fleet)?,
        Event::HostKilled => host_killed(fleet)?,
        Event::HostStopped => host_stopped(fleet)?,
        Event::Patroni => Played::No("it has a cluster of its own".to_owned()),
    };
    let outcome = match played {
        Played::No(reason) => Outcome::NotPlayed(reason),
        Played::Yes(verdict) => {
            Outcome::Judged { verdict, told: fleet.ledger.turn(), measured: Vec::new() }
        }
        Played::Measured(verdict, measured) => {
            Outcome::Judged { verdict, told: fleet.ledger.turn(), measured }
        }
    };
    Ok(Entry { event: event.name(), duration: began.elapsed(), outcome })
}

/// Judges while everybody stands still, lets them go on, and judges again.
fn judge_twice<S: Servers>(fleet: &mut Fleet<S>) -> Result<Verdict, String> {
    let held = fleet.judge()?;
    fleet.go_on();
    fleet.wait_acknowledged()?;
    let mut verdict = fleet.judge()?;
    verdict.wrong.extend(held.wrong);
    Ok(verdict)
}

fn steady<S: Nodes>(fleet: &mut Fleet<S>) -> Result<Played, String> {
    fleet.wait_acknowledged()?;
    let mut measured = Vec::new();
    let seconds = fleet.settings.steady_seconds;
    if seconds > 0 {
        let (began, before) = (Instant::now(), fleet.cluster.transactions()?);
        fleet
            .wait_until("the time is over", |_| began.elapsed() >= Duration::from_secs(seconds))?;
        let commits = fleet.cluster.transactions()?.saturating_sub(before);
        let rate = commits as f64 / began.elapsed().as_secs_f64();
        measured.push(format!("{rate:.0} transactions a second"));
        if let Some(kib) = fleet.memory_kib_max() {
            measured.push(format!("{} MiB of memory in the largest process of hosts", kib / 1024));
        }
    }
    fleet.hold();
    Ok(Played::Measured(judge_twice(fleet)?, measured))
}

fn primary_killed<S: Nodes>(fleet: &mut Fleet<S>) -> Result<Played, String> {
    fleet.wait_acknowledged()?;
    let old = fleet.cluster.primary();
    fleet.cluster.kill(old);
    fleet.hold();
    fleet.cluster.promote();
    let verdict = judge_twice(fleet)?;
    fleet.cluster.renew(old)?;
    Ok(Played::Yes(verdict))
}

fn primary_stopped<S: Nodes>(fleet: &mut Fleet<S>) -> Result<Played, String> {
    fleet.wait_acknowledged()?;
    let old = fleet.cluster.primary();
    fleet.cluster.freeze(old);
    fleet.hold();
    fleet.cluster.promote();
    let mut verdict = judge_twice(fleet)?;
    // It does not know that it was replaced, and comes first in some addresses.
    fleet.cluster.thaw(old);
    fleet.wait_acknowledged()?;
    fleet.hold();
    let wrong = std::mem::take(&mut verdict.wrong);
    verdict = judge_twice(fleet)?;
    verdict.wrong.extend(wrong);
    fleet.cluster.renew(old)?;
    Ok(Played::Yes(verdict))
}

fn standby_killed<S: Nodes>(fleet: &mut Fleet<S>) -> Result<Played, String> {
    fleet.wait_acknowledged()?;
    let [standby, _] = fleet.cluster.standbys();
    fleet.cluster.kill(standby);
    fleet.wait_acknowledged()?;
    fleet.hold();
    let verdict = judge_twice(fleet)?;
    fleet.cluster.start(&[standby]);
    fleet.cluster.settle()?;
    Ok(Played::Yes(verdict))
}

fn node_cut_off<S: Nodes>(fleet: &mut Fleet<S>) -> Result<Played, String> {
    if let Err(reason) = &fleet.cluster.machines().network {
        return Ok(Played::No(format!("there are no network namespaces: {reason}")));
    }
    let old = fleet.cluster.primary();
    let inside = fleet.cluster.machines().inside(old);
    // Instances that nobody else has, beside the primary.
    let minority = fleet.start(fleet.settings.instances, 1, &inside)?;
    fleet.wait_ready(&minority)?;
    fleet.wait_acknowledged()?;
    if let Ok(network) = &fleet.cluster.machines().network {
        network.cut(old)?;
    }
    fleet.hold();
    fleet.cluster.promote();
    let mut verdict = judge_twice(fleet)?;
    if let Ok(network) = &fleet.cluster.machines().network {
        network.join(old)?;
    }
    fleet.wait_acknowledged()?;
    fleet.hold();
    let wrong = std::mem::take(&mut verdict.wrong);
    verdict = judge_twice(fleet)?;
    verdict.wrong.extend(wrong);
    fleet.kill(&minority);
    fleet.cluster.renew(old)?;
    Ok(Played::Yes(verdict))
}

fn power_cut<S: Nodes>(fleet: &mut Fleet<S>) -> Result<Played, String> {
    if let Err(reason) = &fleet.cluster.machines().images {
        return Ok(Played::No(format!("there are no file systems in files: {reason}")));
    }
    fleet.wait_acknowledged()?;
    fleet.cut_power()?;
    judge_twice(fleet).map(Played::Yes)
}

fn host_killed<S: Nodes>(fleet: &mut Fleet<S>) -> Result<Played, String> {
    fleet.wait_acknowledged()?;
    let mut first = fleet.take()?;
    first.kill();
    let second = fleet.start(first.orders.first, first.orders.instances, &[])?;
    fleet.wait_ready(&second)?;
    fleet.wait_acknowledged()?;
    fleet.hold();
    judge_twice(fleet).map(Played::Yes)
}

fn host_stopped<S: Nodes>(fleet: &mut Fleet<S>) -> Result<Played, String> {
    fleet.wait_acknowledged()?;
    let owner = fleet.first()?;
    fleet.wait_until("each run has a manifest", |ledger| ledger.has_manifests(&owner))?;
    let mut first = fleet.take()?;
    first.freeze();
    fleet.replaced.insert(first.orders.owner.clone());
    let second = fleet.start(first.orders.first, first.orders.instances, &[])?;
    fleet.wait_ready(&second)?;
    fleet.wait_acknowledged()?;
    first.thaw();
    let (owner, count) = (&first.orders.owner, first.orders.instances * first.orders.runs);
    fleet.wait_until("the first owner finds out about each run", |ledger| {
        ledger.conflicts(owner) >= count as usize
    })?;
    first.end();
    fleet.hold();
    judge_twice(fleet).map(Played::Yes)
}

/// Plays a failover by Patroni, during which the hosts go on, and judges.
///
/// # Errors
/// Something fails that must not, or does not come about.
pub fn fail_over(fleet: &mut Fleet<Patroni<'_>>) -> Result<Entry, String> {
    fleet.ledger.turn();
    let began = Instant::now();
    fleet.wait_acknowledged()?;
    fleet.cluster.kill_primary()?;
    fleet.wait_acknowledged()?;
    fleet.hold();
    let verdict = judge_twice(fleet)?;
    let outcome = Outcome::Judged { verdict, told: fleet.ledger.turn(), measured: Vec::new() };
    Ok(Entry { event: Event::Patroni.name(), duration: began.elapsed(), outcome })
}

/// Has all hosts close their runs and end, and judges what is left.
///
/// # Errors
/// The store cannot be read.
pub fn end<S: Servers>(fleet: &mut Fleet<S>) -> Result<Entry, String> {
    fleet.ledger.turn();
    let began = Instant::now();
    fleet.end();
    let mut verdict = fleet.judge()?;
    verdict.wrong.extend(fleet.ledger.bad());
    // Those who were replaced were to find out, and nobody else.
    for owner in fleet.ledger.losers().iter().filter(|owner| !fleet.replaced.contains(*owner)) {
        verdict.wrong.push(format!("{owner}: somebody else's run, though nobody took it over"));
    }
    let outcome = Outcome::Judged { verdict, told: fleet.ledger.turn(), measured: Vec::new() };
    Ok(Entry { event: "end".to_owned(), duration: began.elapsed(), outcome })
}
