//! A process of hosts, seen from outside.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};

use crate::host::Orders;
use crate::ledger::Ledger;

/// A process, which is killed when this is dropped.
pub struct Process {
    /// What it was told to do.
    pub orders: Orders,
    child: Child,
    reader: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts the program, behind what starts it elsewhere, and writes down what it says.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        program: &Path,
        inside: &[String],
        orders: Orders,
        ledger: &Arc<Ledger>,
    ) -> Result<Self, String> {
        let mut command = match inside {
            [] => Command::new(program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        command.args(orders.arguments()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let told = |error| format!("{} cannot be run: {error}", program.display());
        let mut child = command.spawn().map_err(told)?;
        let (out, ledger, owner) = (child.stdout.take(), ledger.clone(), orders.owner.clone());
        let reader = thread::spawn(move || {
            let mut lines = out.map(BufReader::new);
            let mut line = String::new();
            while let Some(Ok(1..)) = lines.as_mut().map(|lines| lines.read_line(&mut line)) {
                // What it was about to say when it was killed, it has not said.
                if let Some(whole) = line.strip_suffix('\n') {
                    ledger.note(&owner, whole);
                }
                line.clear();
            }
        });
        Ok(Process { orders, child, reader: Some(reader) })
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = Pid::from_raw(self.child.id().cast_signed()) {
            // One that has ended is found out by what it does not say.
            let _ = kill_process(process, signal);
        }
    }

    /// Has it stand still.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Has it go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Kills it. All that it had said is written down then.
    pub fn kill(&mut self) {
        // One that has ended needs no more.
        drop(self.child.kill());
        self.wait();
    }

    /// Has it close everything and end. All that it said is written down then.
    pub fn end(&mut self) {
        self.thaw();
        drop(self.child.stdin.take());
        self.wait();
    }

    fn wait(&mut self) {
        drop(self.child.wait());
        if let Some(reader) = self.reader.take() {
            // It does not panic.
            drop(reader.join());
        }
    }

    /// Whether it has ended by itself.
    pub fn is_gone(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// The most memory that it had at a time, in KiB, as far as the system tells.
    pub fn memory_kib_max(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.split_whitespace().next()?.parse().ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
