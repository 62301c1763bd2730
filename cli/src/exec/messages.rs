//! What `exec` itself has to say on standard error. A thread of its own says it: a reader that stands
//! still holds up neither signals nor heartbeats nor the end.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::common::COMMAND;
use super::progress::Progress;
use super::signals::Signals;
use crate::plain::complain;

/// How many wait to be said; of more only their number is told.
const WAITING_MAX: usize = 100;
/// How long the end waits whatever else there is.
const GRACE: Duration = Duration::from_millis(100);

/// Messages, each a line, in the order in which they came.
pub struct Messages(Arc<Saying>);

struct Saying {
    progress: Arc<Progress>,
    queue: Mutex<Queue>,
    /// Told to threads, and to the event loop, when nothing is left to say.
    is_said: Condvar,
    has_said: Notify,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<String>,
    left_out: usize,
    /// The progress line is to be removed.
    is_over: bool,
    /// Somebody says what waits, until nothing is left.
    is_being_said: bool,
}

impl Messages {
    /// None yet. The progress line is out of their way.
    pub fn new(progress: Arc<Progress>) -> Self {
        Messages(Arc::new(Saying {
            progress,
            queue: Mutex::default(),
            is_said: Condvar::new(),
            has_said: Notify::new(),
        }))
    }

    /// Has one said, and does not wait for that.
    pub fn say(&self, message: String) {
        self.0.queue().add(message);
        self.start();
    }

    /// A thread for as long as there is something to say: mostly there never is.
    fn start(&self) {
        if std::mem::replace(&mut self.0.queue().is_being_said, true) {
            return;
        }
        let saying = self.0.clone();
        let started = thread::Builder::new().name("messages".into()).spawn(move || saying.run());
        if started.is_err() {
            // It takes as long as it takes.
            self.0.run();
        }
    }

    /// Waits until all is said that has come so far: what goes to the same place comes after it.
    pub fn wait(&self) {
        let mut queue = self.0.queue();
        while queue.is_being_said {
            queue = self.0.is_said.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Removes the progress line, and waits until all is said. A signal ends the wait, and so does
    /// `patience` for who has asked for an end already.
    pub async fn end(&self, is_cancelled: bool, patience: Duration, signals: &mut Signals) {
        if self.0.progress.is_shown() {
            self.0.queue().is_over = true;
            self.start();
        }
        if timeout(GRACE, self.said()).await.is_ok() {
            return;
        }
        let is_limited = is_cancelled || signals.has_ended_a_wait();
        tokio::select! {
            () = self.said() => {}
            _ = signals.end(false) => {}
            () = sleep(patience), if is_limited => {}
        }
    }

    async fn said(&self) {
        loop {
            // It hears what is told from here on.
            let told = self.0.has_said.notified();
            if !self.0.queue().is_being_said {
                return;
            }
            told.await;
        }
    }
}

impl Saying {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // It is whole after every step.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        loop {
            let mut queue = self.queue();
            if let Some(message) = queue.next() {
                drop(queue);
                self.progress.tell(|| complain(COMMAND, &message));
            } else if std::mem::take(&mut queue.is_over) {
                drop(queue);
                self.progress.end();
            } else {
                queue.is_being_said = false;
                self.is_said.notify_all();
                self.has_said.notify_waiters();
                return;
            }
        }
    }
}

impl Queue {
    fn add(&mut self, message: String) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back(message);
        } else {
            self.left_out += 1;
        }
    }

    fn next(&mut self) -> Option<String> {
        self.waiting.pop_front().or_else(|| {
            let count = std::mem::take(&mut self.left_out);
            (count > 0).then(|| format!("warning: {count} more messages were left out"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_messages_their_number_is_told() {
        let mut queue = Queue::default();
        (0..WAITING_MAX + 2).for_each(|n| queue.add(n.to_string()));
        let told: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
        assert_eq!(told.len(), WAITING_MAX + 1);
        assert_eq!((&*told[0], &*told[WAITING_MAX - 1]), ("0", "99"));
        assert_eq!(told[WAITING_MAX], "warning: 2 more messages were left out");
    }
}
