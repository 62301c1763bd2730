//! Standard output: each answer as soon as it is there.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::sync::oneshot;

use super::limits::Share;
use crate::plain::complain;
use crate::waiting;

/// Where answers go. They are written on a thread of its own, so that a reader that is slow delays
/// no write of a run.
pub struct Output {
    answers: Sender<(String, Share)>,
    written: oneshot::Receiver<()>,
}

impl Output {
    pub fn start() -> io::Result<Self> {
        let (answers, queue) = channel();
        let (end, written) = oneshot::channel();
        std::thread::Builder::new().name("stdout".to_owned()).spawn(move || {
            write_all(&mut waiting::stdout(), &queue);
            // Nobody waits for it after a signal.
            let _ = end.send(());
        })?;
        Ok(Output { answers, written })
    }

    /// Queues one line. The request's share is given back once it is written.
    pub fn send(&self, line: String, share: Share) {
        // The thread ends after this sender only.
        let _ = self.answers.send((line, share));
    }

    /// Ends when every answer is written, or cannot be.
    pub async fn finish(self) {
        drop(self.answers);
        let _ = self.written.await;
    }
}

/// A reader that went away must not stop the runs: what cannot be written is dropped.
fn write_all(output: &mut impl Write, queue: &Receiver<(String, Share)>) {
    let mut is_open = true;
    for (line, share) in queue {
        if is_open && let Err(error) = output.write_all(line.as_bytes()) {
            complain("feed", &format!("cannot write answers, going on without: {error}"));
            is_open = false;
        }
        drop(share);
    }
}
