//! Processes of hosts over a cluster, and the ledger of what they were acknowledged.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tandem_tests::postgres::HANG;

use crate::host::Orders;
use crate::judge::{Verdict, found, judge};
use crate::ledger::Ledger;
use crate::process::Process;
use crate::servers::{Nodes, Servers};
use crate::settings::Settings;

/// How long to wait before something is looked at again.
const LOOK: Duration = Duration::from_millis(20);

/// All of it.
pub struct Fleet<S> {
    /// What it is like.
    pub settings: Settings,
    processes: Vec<Process>,
    /// The servers, which end after the processes.
    pub cluster: S,
    /// What was acknowledged.
    pub ledger: Arc<Ledger>,
    /// Processes that go on after others took their runs over.
    pub replaced: BTreeSet<String>,
    program: PathBuf,
    /// How many processes were started so far.
    started: usize,
}

impl<S: Servers> Fleet<S> {
    /// A fleet whose runs are all open. The program is this one, as a process of hosts.
    ///
    /// # Errors
    /// The store cannot be made, or the processes cannot be started.
    pub fn new(settings: Settings, cluster: S, program: PathBuf) -> Result<Self, String> {
        cluster.migrate()?;
        let mut fleet = Fleet {
            settings,
            cluster,
            ledger: Arc::default(),
            replaced: BTreeSet::new(),
            processes: Vec::new(),
            program,
            started: 0,
        };
        let Settings { processes, instances, .. } = fleet.settings;
        let mut owners = Vec::new();
        for process in 0..processes {
            let (first, end) =
                (instances * process / processes, instances * (process + 1) / processes);
            owners.push(fleet.start(first, end - first, &[])?);
        }
        owners.iter().try_for_each(|owner| fleet.wait_ready(owner))?;
        Ok(fleet)
    }

    /// Starts a process for so many instances, and answers what it is called.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        &mut self,
        first: u32,
        instances: u32,
        inside: &[String],
    ) -> Result<String, String> {
        self.started += 1;
        let owner = format!("p{}", self.started);
        let Settings { runs, tasks, step_ms, heartbeat_ms, record_ms, patience_ms, .. } =
            self.settings;
        let orders = Orders {
            url: self.cluster.url(),
            owner: owner.clone(),
            first,
            instances,
            runs,
            tasks,
            step_ms,
            heartbeat_ms,
            record_ms,
            patience_ms,
        };
        self.processes.push(Process::start(&self.program, inside, orders, &self.ledger)?);
        Ok(owner)
    }

    /// What the first process is called.
    ///
    /// # Errors
    /// There is none.
    pub fn first(&self) -> Result<String, String> {
        let first = self.processes.first().ok_or("no process is left")?;
        Ok(first.orders.owner.clone())
    }

    /// Takes the first process out, for something to happen to it.
    ///
    /// # Errors
    /// There is none.
    pub fn take(&mut self) -> Result<Process, String> {
        if self.processes.is_empty() {
            return Err("no process is left".to_owned());
        }
        Ok(self.processes.remove(0))
    }

    /// Kills a process.
    pub fn kill(&mut self, owner: &str) {
        self.processes.retain(|process| process.orders.owner != owner);
    }

    /// Waits until a process has all its runs open.
    ///
    /// # Errors
    /// It has ended.
    pub fn wait_ready(&mut self, owner: &str) -> Result<(), String> {
        self.wait_until("all runs are open", |ledger| ledger.is_ready(owner))
    }

    /// Waits until as much more is acknowledged as the settings say.
    ///
    /// # Errors
    /// A process has ended, or nothing more is acknowledged.
    pub fn wait_acknowledged(&mut self) -> Result<(), String> {
        let goal = self.ledger.acknowledged() + self.settings.acknowledgements;
        self.wait_until("writes are acknowledged", |ledger| ledger.acknowledged() >= goal)
    }

    /// Waits for something that processes do.
    ///
    /// # Errors
    /// One has ended, or it does not come about.
    pub fn wait_until(
        &mut self,
        what: &str,
        mut is_so: impl FnMut(&Ledger) -> bool,
    ) -> Result<(), String> {
        let began = Instant::now();
        while !is_so(&self.ledger) {
            if let Some(gone) = self
                .processes
                .iter_mut()
                .find_map(|process| process.is_gone().then(|| process.orders.owner.clone()))
            {
                return Err(format!("a process of hosts has ended: {gone}"));
            }
            if began.elapsed() > HANG + Duration::from_secs(self.settings.steady_seconds) {
                return Err(format!("it does not come about: {what}"));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Has all processes stand still: what is found then is what was kept, and nothing newer hides
    /// what is missing.
    pub fn hold(&self) {
        self.ledger.hold();
        self.processes.iter().for_each(Process::freeze);
    }

    /// Has them go on.
    pub fn go_on(&self) {
        self.processes.iter().for_each(Process::thaw);
        self.ledger.go_on();
    }

    /// Compares what was acknowledged with what the store has.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn judge(&self) -> Result<Verdict, String> {
        let lines = self.ledger.lines();
        Ok(judge(&lines, &found(&self.cluster.store()?)?))
    }

    /// The most memory that any process had at a time, in KiB.
    pub fn memory_kib_max(&self) -> Option<u64> {
        self.processes.iter().filter_map(Process::memory_kib_max).max()
    }

    /// Has all processes close their runs and end.
    pub fn end(&mut self) {
        self.processes.iter_mut().for_each(Process::end);
        self.processes.clear();
    }
}

impl<S: Nodes> Fleet<S> {
    /// Cuts the power of all servers, and has everybody stand still until they are back.
    ///
    /// # Errors
    /// This machine has not what it takes.
    pub fn cut_power(&mut self) -> Result<(), String> {
        let Fleet { cluster, ledger, processes, .. } = self;
        cluster.cut_power(|| {
            ledger.hold();
            processes.iter().for_each(Process::freeze);
        })
    }
}
