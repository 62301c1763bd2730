//! Standard output: each answer as soon as it is there.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::sync::oneshot;

use super::limits::Share;
use crate::plain::complain;
use crate::waiting::{self, is_reader_gone};

/// What became of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Their reader has them, or wants no more.
    Taken,
    /// Some could not be written.
    Lost,
}

/// Where answers go. They are written on a thread of its own, so that a reader that is slow delays
/// no write of a run.
pub struct Output {
    answers: Sender<(String, Share)>,
    written: oneshot::Receiver<Written>,
}

impl Output {
    pub fn start() -> io::Result<Self> {
        let (answers, queue) = channel();
        let (end, written) = oneshot::channel();
        std::thread::Builder::new().name("stdout".to_owned()).spawn(move || {
            let written = write_all(&mut waiting::stdout(), &queue);
            // Nobody waits for it after a signal.
            let _ = end.send(written);
        })?;
        Ok(Output { answers, written })
    }

    /// Queues one line. The request's share is given back once it is written.
    pub fn send(&self, line: String, share: Share) {
        // The thread ends after this sender only.
        let _ = self.answers.send((line, share));
    }

    /// Ends when every answer is written, or cannot be.
    pub async fn finish(self) -> Written {
        drop(self.answers);
        // A thread that panicked has not written all.
        self.written.await.unwrap_or(Written::Lost)
    }
}

/// A reader that went away must not stop the runs: what cannot be written is dropped.
fn write_all(output: &mut impl Write, queue: &Receiver<(String, Share)>) -> Written {
    let mut is_open = true;
    let mut written = Written::Taken;
    for (line, share) in queue {
        if is_open && let Err(error) = output.write_all(line.as_bytes()) {
            complain("feed", &format!("cannot write answers, going on without: {error}"));
            is_open = false;
            if !is_reader_gone(&error) {
                written = Written::Lost;
            }
        }
        drop(share);
    }
    written
}
