//! The hosts, and what the judge must know of each.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::players;
use crate::spelling::Spelling;
use crate::store::Kind;

#[derive(Clone, Debug)]
pub struct Host {
    /// The name of its results.
    pub name: String,
    pub calls: Calls,
    pub names: Spelling,
    pub start: Start,
    /// What it keeps runs in, if that is no directory.
    pub store: Option<Kind>,
}

/// Whether calls can be in flight together.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Calls {
    /// A call that comes too early waits.
    Wait,
    /// A call that comes too early tells when to call again.
    Block,
}

/// How its player is started.
#[derive(Clone, Debug)]
pub enum Start {
    /// In a thread of this process.
    Thread(players::Play),
    /// By a command.
    Process(Command),
}

/// A command in the directory of the repository.
#[derive(Clone, Debug)]
pub struct Command {
    /// The program, a file of the repository or one of the system, and its arguments.
    pub words: Vec<String>,
    pub environment: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawHost {
    name: String,
    #[expect(dead_code, reason = "it is for the table")]
    title: String,
    calls: Calls,
    names: Spelling,
    #[expect(dead_code, reason = "it is for `cargo xtask hosts`, which sets the package up")]
    package: Option<String>,
    player: Option<Vec<String>>,
    store: Option<Kind>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
}

impl Host {
    /// Reads all of them.
    pub fn read_all(path: &Path) -> Result<Vec<Host>, String> {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|error| told(&error))?;
        let hosts: Vec<RawHost> = serde_json::from_str(&text).map_err(|error| told(&error))?;
        let hosts = hosts.into_iter().map(
            |RawHost { name, calls, names, player, store, environment, .. }| {
                let start = match player {
                    Some(words) => Start::Process(Command { words, environment }),
                    None => Start::Thread(
                        players::of(&name).ok_or_else(|| told(&format!("{name} has no player")))?,
                    ),
                };
                Ok::<_, String>(Host { name, calls, names, start, store })
            },
        );
        hosts.collect()
    }

    /// Whether it is a process, for which something must be set up.
    pub fn is_process(&self) -> bool {
        matches!(self.start, Start::Process(_))
    }

    /// A player that is not there would fail each case, and say less.
    pub fn must_be_there(&self, workspace: &Path) -> Result<(), String> {
        let Start::Process(command) = &self.start else { return Ok(()) };
        let program = workspace.join(command.words.first().ok_or("a player is a command")?);
        if program.exists() {
            return Ok(());
        }
        let (name, program) = (&self.name, program.display());
        Err(format!(
            "{name} is to be played, and there is no {program}: `cargo xtask hosts {name}` sets it up"
        ))
    }
}
