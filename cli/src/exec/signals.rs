//! Signals that `exec` passes on to its command, and what else is told of children. A thread of their
//! own takes and sorts them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use rustix::process::{Pid, getpid};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::children::{self, Change};
use super::foreground;
use super::handler::{self, Caught, Pipe};
use super::processes;
use super::received::Received;
use super::signal::{END, STOP};
use super::undecided::{Seen, Undecided};
#[cfg(target_os = "linux")]
use super::witness::Witness;
use crate::inherited::Inherited;

/// No command is there yet.
const NOT_STARTED: i32 = 0;
/// The command has ended, and was waited for.
const ENDED: i32 = -1;

/// What there is to tell.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    /// A signal came.
    Received(Received),
    /// The command stands still or goes on.
    Command(Change),
    /// Everything that came before it was asked for, for the so many-th time, is told.
    Settled(u32),
}

/// The signals of this process, from its start to its end.
pub struct Signals {
    events: UnboundedReceiver<Event>,
    shared: Arc<SortingState>,
    thread: Option<JoinHandle<()>>,
    has_ended_a_wait: bool,
}

struct SortingState {
    /// The number of the command, or [`NOT_STARTED`] or [`ENDED`].
    command: AtomicI32,
    /// How many times all was asked for.
    settle: AtomicU32,
    is_over: AtomicBool,
}

impl Signals {
    /// Catches signals from now on, but not those that Tandem was started to ignore (`nohup`, a job in
    /// the background of a script): they stay ignored, by the command too. Comes before any other
    /// thread.
    ///
    /// With `is_in_own_group` the command gets every signal from here, and so does its group; the one
    /// thread that gets them writes to no terminal, which may be lent to that group.
    ///
    /// # Errors
    /// The system's.
    pub fn catch(inherited: &Inherited, is_in_own_group: bool) -> io::Result<Self> {
        let witness = WitnessIfAny::start(!is_in_own_group);
        let is_caught = |signal: &i32| *signal == libc::SIGCHLD || !inherited.ignores(*signal);
        let caught: Vec<i32> = handler::catchable().filter(is_caught).collect();
        // They come to the thread that sorts them.
        handler::block(caught.iter().copied());
        let pipe = Pipe::open(&caught)?;
        let (sender, events) = unbounded_channel();
        let shared = Arc::new(SortingState {
            command: NOT_STARTED.into(),
            settle: 0.into(),
            is_over: false.into(),
        });
        let undecided = Undecided::new(witness.is_there());
        let sorting =
            Sorting { pipe, witness, undecided, shared: shared.clone(), sender, settled: 0 };
        let thread = thread::Builder::new().name("signals".into()).spawn(move || sorting.run())?;
        Ok(Signals { events, shared, thread: Some(thread), has_ended_a_wait: false })
    }

    /// Tells of a command that was started.
    pub fn started(&self, command: Pid) {
        self.shared.command.store(command.as_raw_nonzero().get(), Ordering::Release);
        handler::poke();
    }

    /// Tells that it has ended and was waited for.
    pub fn ended(&self) {
        self.shared.command.store(ENDED, Ordering::Release);
        handler::poke();
    }

    /// Waits for the next.
    pub async fn next(&mut self) -> Event {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    /// Waits for a signal that asks to end, while there is no command. One that asks to stand still is
    /// obeyed, if nothing came since that has this process go on. One may have come before (`is_asked`),
    /// which is no matter once this group is in the foreground.
    pub async fn end(&mut self, mut is_asked: bool) -> i32 {
        loop {
            let mut all = Vec::new();
            let was_asked = std::mem::take(&mut is_asked);
            let mut is_stop = was_asked;
            if !is_stop {
                let Event::Received(received) = self.next().await else { continue };
                all.push(received.signal());
                is_stop = STOP.contains(&received.signal());
            }
            if is_stop {
                all.extend(self.settle().await.iter().map(Received::signal));
            }
            if let Some(end) = all.iter().find(|signal| END.contains(signal)) {
                self.has_ended_a_wait = true;
                return *end;
            }
            let is_over = all.contains(&libc::SIGCONT) || was_asked && foreground::is_ours();
            if is_stop && !is_over {
                stand_still(false);
            }
        }
    }

    /// Whether a signal asked to end after the command: who sent it waits for nothing more.
    pub fn has_ended_a_wait(&self) -> bool {
        self.has_ended_a_wait
    }

    /// All that has come so far, in its order.
    pub async fn settle(&mut self) -> Vec<Received> {
        let time = self.shared.settle.fetch_add(1, Ordering::AcqRel) + 1;
        handler::poke();
        let mut all = Vec::new();
        loop {
            match self.events.recv().await {
                Some(Event::Received(received)) => all.push(received),
                Some(Event::Settled(told)) if told == time => return all,
                Some(_) => {}
                None => return all,
            }
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        handler::poke();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Stops this process, and if `is_whole` its group, until somebody has it go on.
pub fn stand_still(is_whole: bool) {
    let own = getpid().as_raw_nonzero().get();
    // SIGSTOP alone stops whatever else is set. Process 1 does not stop.
    let _ = handler::send(if is_whole { 0 } else { own }, libc::SIGSTOP, None);
}

/// What the thread works on.
struct Sorting {
    pipe: Pipe,
    witness: WitnessIfAny,
    undecided: Undecided,
    shared: Arc<SortingState>,
    sender: UnboundedSender<Event>,
    /// How many times all was told.
    settled: u32,
}

impl Sorting {
    fn run(mut self) {
        handler::block([]);
        while !self.shared.is_over.load(Ordering::Acquire) {
            // What woke this thread may have been read while it decided.
            if self.shared.settle.load(Ordering::Acquire) == self.settled {
                self.pipe.wait(self.undecided.due());
            }
            let mut caught = Vec::new();
            self.pipe.take(&mut caught);
            let is_new = self.sort(caught);
            let time = self.shared.settle.load(Ordering::Acquire);
            let is_to_settle = time != self.settled;
            // One that the group has is known at once, so that the next one is another.
            if is_new
                || is_to_settle
                || self.undecided.due().is_some_and(|due| due <= Instant::now())
            {
                self.decide(is_to_settle);
            }
            if is_to_settle {
                self.settled = time;
                self.tell(Event::Settled(time));
            }
        }
    }

    /// Tells whether there was a signal.
    fn sort(&mut self, caught: Vec<Caught>) -> bool {
        let mut is_new = false;
        let own = getpid().as_raw_nonzero().get();
        let mut is_child_told = false;
        for mut caught in caught {
            match caught.signal {
                Caught::POKE | libc::SIGCHLD => is_child_told = true,
                // `abort` raises one that ends this process. Only what stops is sent to its group.
                _ if caught.sender.code <= 0
                    && caught.sender.pid == own
                    && caught.signal != libc::SIGTTOU => {}
                _ => {
                    // At once: a sender may be gone soon.
                    if END.contains(&caught.signal)
                        && let Some(sender) = caught.sender.process()
                    {
                        caught.child = processes::child_of_own(sender);
                    }
                    self.undecided.push(caught);
                    is_new = true;
                }
            }
        }
        if is_child_told {
            self.look_at_children();
        }
        is_new
    }

    fn look_at_children(&mut self) {
        if self.witness.has_ended() {
            self.undecided.expect_none();
        }
        let command = self.shared.command.load(Ordering::Acquire);
        if command == NOT_STARTED {
            // Nobody can tell the command from what is left by others.
            return;
        }
        let command = if command == ENDED { None } else { Pid::from_raw(command) };
        if let Some(change) = command.and_then(children::change) {
            self.tell(Event::Command(change));
        }
        let kept: Vec<Pid> = command.into_iter().chain(self.witness.pid()).collect();
        children::reap(&kept);
    }

    /// Decides what is due, or all. Whatever the witness has, this process has too: it is taken before
    /// anything is decided.
    fn decide(&mut self, all: bool) {
        if all {
            self.take_all();
        }
        let asked_at = Instant::now();
        let seen = self.witness.take();
        if self.witness.is_silent() {
            self.undecided.expect_none();
        }
        self.take_all();
        let due = |due: Instant, at: Instant| due <= asked_at || all && at <= asked_at;
        for received in self.undecided.decide(seen, due) {
            self.tell(Event::Received(received));
        }
    }

    fn take_all(&mut self) {
        let mut caught = Vec::new();
        let witness = self.witness.pid();
        self.pipe.take_all(&mut caught, || children::go_on_but(witness));
        self.sort(caught);
    }

    fn tell(&self, event: Event) {
        // Nobody listens at the very end.
        let _ = self.sender.send(event);
    }
}

/// The witness; without one, as where no process is to be had, signals are passed on as they come.
struct WitnessIfAny {
    #[cfg(target_os = "linux")]
    witness: Option<Witness>,
}

#[cfg(target_os = "linux")]
impl WitnessIfAny {
    fn start(is_wanted: bool) -> Self {
        let start = || Witness::start().ok();
        WitnessIfAny { witness: is_wanted.then(start).flatten() }
    }

    fn is_there(&self) -> bool {
        self.witness.is_some()
    }

    fn pid(&self) -> Option<Pid> {
        self.witness.as_ref().map(Witness::pid)
    }

    /// Whether it was there and is no more.
    fn has_ended(&mut self) -> bool {
        self.witness.take_if(|witness| witness.has_ended()).is_some()
    }

    /// Whether it did not answer and is no more.
    fn is_silent(&mut self) -> bool {
        self.witness.take_if(|witness| witness.is_silent()).is_some()
    }

    fn take(&self) -> Vec<Seen> {
        self.witness.as_ref().map(Witness::take).unwrap_or_default()
    }
}

#[cfg(not(target_os = "linux"))]
impl WitnessIfAny {
    fn start(_is_wanted: bool) -> Self {
        WitnessIfAny {}
    }

    fn is_there(&self) -> bool {
        false
    }

    fn pid(&self) -> Option<Pid> {
        None
    }

    fn has_ended(&mut self) -> bool {
        false
    }

    fn is_silent(&mut self) -> bool {
        false
    }

    fn take(&self) -> Vec<Seen> {
        Vec::new()
    }
}
