//! Follows the runs of a store. A thread waits for what changes, so that whoever shows the runs never
//! does.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime};

use futures::executor::block_on;
use rustix::pipe::{PipeFlags, pipe_with};
use tandem_documents::{Cursor, Documents};
use tandem_host::limits::in_words;

use super::reader::{Reader, RunChanges};
use super::runs::{StoredRuns, Told};
use crate::status::known::Known;
use crate::status::source::{Follow, Tell};

/// How long the thread waits before it asks a store again that is away.
const AGAIN: Duration = Duration::from_secs(1);

/// What lies between two answers of a store that is there, at most; in more than that nobody could have
/// seen a sign of life.
const SILENT_MAX: Duration = Duration::from_secs(5);

/// How long it waits after each answer: nobody is shown changes more often.
const PAUSE: Duration = Duration::from_millis(100);

/// How many answers may wait to be shown; the thread asks for no more then.
const ANSWERS_MAX: usize = 8;

/// Runs that are followed.
pub struct FollowedStore {
    runs: StoredRuns,
    words: Receiver<Heard>,
    notices: OwnedFd,
    /// When the store last answered.
    answered: SystemTime,
    away: Option<String>,
}

/// What the thread has to say.
enum Heard {
    Changed { is_anew: bool, told: Vec<Told>, at: SystemTime },
    Away(String),
}

impl FollowedStore {
    /// # Errors
    /// The store's, or the system's, in one sentence.
    pub fn start<D: Documents>(reader: Reader<D>) -> Result<Self, String> {
        let (told, cursor) = block_on(reader.all())?;
        let mut runs = StoredRuns::default();
        runs.begin_anew(told, SystemTime::now(), &mut |_| {});
        let (notices, notice) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
            .map_err(|error| format!("cannot make a pipe: {}", in_words(&error.into())))?;
        let (send, words) = sync_channel(ANSWERS_MAX);
        thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || listen(&reader, cursor, &send, &notice))
            .map_err(|error| format!("cannot start a thread: {}", in_words(&error)))?;
        Ok(FollowedStore { runs, words, notices, answered: SystemTime::now(), away: None })
    }

    fn take(&mut self, word: Heard, tell: Tell<'_>) {
        match word {
            Heard::Changed { is_anew, told, at } => {
                self.away = None;
                let silent = at.duration_since(self.answered).unwrap_or_default();
                if silent > SILENT_MAX {
                    self.runs.was_away(silent);
                }
                self.answered = at;
                if is_anew {
                    self.runs.begin_anew(told, at, tell);
                } else {
                    told.into_iter().for_each(|told| self.runs.take(told, tell));
                }
            }
            Heard::Away(why) => self.away = Some(why),
        }
    }
}

impl Follow for FollowedStore {
    fn update(&mut self, tell: Tell<'_>) -> Result<(), String> {
        // Before what they told of is taken, so that none is taken away that tells of more.
        while matches!(rustix::io::read(&self.notices, &mut [0; 64]), Ok(read) if read > 0) {}
        loop {
            match self.words.try_recv() {
                Ok(word) => self.take(word, tell),
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => {
                    return Err("nobody reads what changes in the store any more".to_owned());
                }
            }
        }
    }

    fn known(&self) -> Box<dyn Iterator<Item = &Known> + '_> {
        Box::new(self.runs.known())
    }

    fn away(&self) -> Option<String> {
        self.away.clone()
    }

    fn judged_at(&self) -> SystemTime {
        let now = SystemTime::now();
        if self.away.is_some() {
            return self.answered;
        }
        // This process may have stood still, or the store be slow: nobody saw anything meanwhile.
        self.answered.checked_add(SILENT_MAX).map_or(now, |at| at.min(now))
    }

    fn note(&self) -> Option<String> {
        None
    }

    fn notices(&self) -> Option<BorrowedFd<'_>> {
        Some(self.notices.as_fd())
    }
}

/// Tells what changes until nobody takes it any more.
fn listen<D: Documents>(
    reader: &Reader<D>,
    mut cursor: Cursor,
    send: &SyncSender<Heard>,
    notice: &OwnedFd,
) {
    loop {
        let word = match block_on(reader.changed(Some(cursor.clone()))) {
            Ok(RunChanges { is_anew, told, next }) => {
                cursor = next;
                Heard::Changed { is_anew, told, at: SystemTime::now() }
            }
            Err(why) => Heard::Away(why),
        };
        let pause = match &word {
            Heard::Changed { .. } => PAUSE,
            Heard::Away(_) => AGAIN,
        };
        if send.send(word).is_err() {
            return;
        }
        // A pipe that is full tells enough. That nothing changed tells that the store is there.
        let _ = rustix::io::write(notice, &[1]);
        thread::sleep(pause);
    }
}
