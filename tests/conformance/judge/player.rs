//! A player that was started, and the lines that go to it and come from it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use crate::host::{self, Start};
use crate::pattern::short;

/// A process is killed when this is dropped, and so is what it has started. A thread is left behind:
/// it ends by itself if it does not hang.
pub struct Player {
    /// Gone when there are no more lines.
    lines: Option<Sender<String>>,
    answers: Receiver<String>,
    process: Option<Process>,
}

struct Process {
    child: Child,
    /// What it says to standard error.
    said: File,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Silence {
    /// The time is over.
    Hangs,
    /// The player is gone, with what it said last.
    Ended(String),
}

impl Player {
    pub fn start(start: &Start, workspace: &Path) -> Result<Player, String> {
        let told = |error: io::Error| format!("cannot start the player: {error}");
        match start {
            Start::Thread(play) => {
                let (their_lines, lines) = io::pipe().map_err(told)?;
                let (answers, their_answers) = io::pipe().map_err(told)?;
                let (play, held) = (*play, their_answers.try_clone().map_err(told)?);
                thread::spawn(move || {
                    // Until all of it is over, also if it panics.
                    let _held = held;
                    play(BufReader::new(their_lines), their_answers);
                });
                Ok(Player::connected(lines, answers, None))
            }
            Start::Process(command) => Player::process(command, workspace).map_err(told),
        }
    }

    fn process(command: &host::Command, workspace: &Path) -> io::Result<Player> {
        let [program, arguments @ ..] = &*command.words else {
            return Err(io::Error::other("its command is empty"));
        };
        let said = tempfile::tempfile()?;
        // A program of the repository, or one of the system.
        let path = workspace.join(program);
        let mut child = Command::new(if path.exists() { path } else { program.into() })
            .args(arguments)
            .envs(&command.environment)
            .current_dir(workspace)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(said.try_clone()?)
            .process_group(0)
            .spawn()?;
        let (lines, answers) = (child.stdin.take(), child.stdout.take());
        let process = Process { child, said };
        match (lines, answers) {
            (Some(lines), Some(answers)) => Ok(Player::connected(lines, answers, Some(process))),
            _ => Err(io::Error::other("it has no pipes")),
        }
    }

    /// Threads move the lines, so that the judge stops waiting for a player that does not read.
    fn connected(
        mut to: impl Write + Send + 'static,
        from: impl Read + Send + 'static,
        process: Option<Process>,
    ) -> Player {
        let (lines, to_be_sent) = mpsc::channel::<String>();
        thread::spawn(move || {
            for line in to_be_sent {
                // Who does not read has ended, which the missing answer tells.
                let _ = to.write_all(line.as_bytes()).and_then(|()| to.flush());
            }
        });
        let (came, answers) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
                // Nobody listens any more to what comes too late.
                let _ = came.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        Player { lines: Some(lines), answers, process }
    }

    /// Sends a line. It has signs of ASCII only, as not everything that reads lines ends them at the
    /// same signs.
    pub fn tell(&self, value: &Value) {
        let mut line = String::new();
        for sign in value.to_string().chars() {
            if sign.is_ascii() {
                line.push(sign);
            } else {
                for unit in sign.encode_utf16(&mut [0; 2]) {
                    line.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        line.push('\n');
        if let Some(lines) = &self.lines {
            // That it is gone is told by the missing answer.
            let _ = lines.send(line);
        }
    }

    /// Waits for the next line.
    pub fn answer(&mut self, until: Instant) -> Result<String, Silence> {
        let left = until.saturating_duration_since(Instant::now());
        self.answers.recv_timeout(left).map_err(|error| match error {
            RecvTimeoutError::Timeout => Silence::Hangs,
            RecvTimeoutError::Disconnected => Silence::Ended(self.last_words()),
        })
    }

    fn last_words(&mut self) -> String {
        let mut words = Vec::new();
        if let Some(Process { said, .. }) = &mut self.process {
            // Without them there is less to tell.
            let _ = said.rewind().and_then(|()| said.read_to_end(&mut words));
        }
        match String::from_utf8_lossy(&words).trim() {
            "" => String::from("the player ended"),
            words => format!("the player ended: {}", short(words)),
        }
    }

    /// Says that nothing more comes. A player in a thread ends by that, and what it kept is closed; it
    /// answers whether it did so in time.
    pub fn end(mut self, until: Instant) -> bool {
        self.lines = None;
        while self.process.is_none() {
            match self.answer(until) {
                Ok(_) => {}
                Err(silence) => return matches!(silence, Silence::Ended(_)),
            }
        }
        true
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        if let Some(Process { child, .. }) = &mut self.process {
            if let Some(group) = Pid::from_raw(child.id().cast_signed()) {
                // It may have ended.
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = child.wait();
        }
    }
}
