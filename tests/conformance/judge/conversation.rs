//! What the judge and a player say to each other.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::host::Host;
use crate::outcome::{Outcome, Said};
use crate::player::{Player, Silence};

/// What the component is given to do what it should not do.
const CHANCE_MS: u64 = 50;
/// Between two looks at what it is to do.
const MOMENT: Duration = Duration::from_millis(1);

pub struct Conversation<'a> {
    host: &'a Host,
    player: Player,
    /// When the case hangs.
    until: Instant,
    last_id: u64,
    /// The names of calls without an outcome.
    asked: HashMap<u64, &'static str>,
    outcomes: HashMap<u64, Outcome>,
}

/// Why a case goes no further.
#[derive(Debug)]
pub enum Stop {
    Fails(String),
    Hangs,
}

/// What a player says when its component has started.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ready {
    versions: Map<String, Value>,
}

impl From<String> for Stop {
    fn from(detail: String) -> Self {
        Stop::Fails(detail)
    }
}

impl From<Silence> for Stop {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Hangs => Stop::Hangs,
            Silence::Ended(words) => Stop::Fails(words),
        }
    }
}

impl<'a> Conversation<'a> {
    /// Starts a player, and has it start a component. It tells what it plays with.
    pub fn begin(
        host: &'a Host,
        workspace: &Path,
        granted: &Path,
        limits: &Map<String, Value>,
        until: Instant,
    ) -> Result<(Self, Map<String, Value>), Stop> {
        let mut player = Player::start(&host.start, workspace)?;
        player.tell(&json!({"directory": granted, "limits": host.names.record(limits)}));
        let line = player.answer(until)?;
        let told = |error| format!("the player does not say that it is ready: {line}: {error}");
        let Ready { versions } = serde_json::from_str(&line).map_err(told)?;
        let (asked, outcomes) = (HashMap::new(), HashMap::new());
        Ok((Conversation { host, player, until, last_id: 0, asked, outcomes }, versions))
    }

    /// Has calls made in one tick.
    pub fn ask<'b>(&mut self, calls: impl IntoIterator<Item = &'b Call>) -> Vec<u64> {
        let mut line = Vec::new();
        let mut ids = Vec::new();
        for call in calls {
            let id = self.next(call.name);
            line.push(call.line(id, self.host.names));
            ids.push(id);
        }
        self.player.tell(&Value::Array(line));
        ids
    }

    fn next(&mut self, name: &'static str) -> u64 {
        self.last_id += 1;
        self.asked.insert(self.last_id, name);
        self.last_id
    }

    /// Waits for the outcome of a call, which is told once.
    pub fn outcome(&mut self, id: u64) -> Result<Outcome, Stop> {
        loop {
            if let Some(outcome) = self.outcomes.remove(&id) {
                return Ok(outcome);
            }
            let line = self.player.answer(self.until)?;
            self.take(&line)?;
        }
    }

    fn take(&mut self, line: &str) -> Result<(), String> {
        let said = Said::read(line)?;
        let id = said.id;
        let name = self.asked.remove(&id);
        let name = name.ok_or_else(|| format!("the player answers {id}, which nobody awaits"))?;
        let outcome = said.outcome(self.host, name)?;
        self.outcomes.insert(id, outcome);
        Ok(())
    }

    /// Gives the component every chance to end a call. The player counts the time, after it has made
    /// the calls before.
    pub fn look(&mut self) -> Result<(), Stop> {
        let id = self.next("look");
        self.player.tell(&json!([{"id": id, "do": "look", "ms": CHANCE_MS}]));
        match self.outcome(id)? {
            Outcome::Ok(_) => Ok(()),
            other => Err(Stop::Fails(format!("the player cannot look: {other}"))),
        }
    }

    /// Whether the outcome of a call has come.
    pub fn has_ended(&self, id: u64) -> bool {
        !self.asked.contains_key(&id)
    }

    /// Lets the player go on for a moment.
    pub fn go_on(&mut self) -> Result<(), Stop> {
        match self.player.answer(self.until.min(Instant::now() + MOMENT)) {
            Ok(line) => Ok(self.take(&line)?),
            Err(Silence::Hangs) if Instant::now() < self.until => Ok(()),
            Err(silence) => Err(silence.into()),
        }
    }

    /// Ends it. What the player keeps is closed before the directory goes.
    pub fn end(self) -> Result<(), Stop> {
        if self.player.end(self.until) { Ok(()) } else { Err(Stop::Hangs) }
    }
}
