//! Passes a command's output through as it comes, and keeps its tail.

use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, kill_process_group};
use rustix::termios::tcgetpgrp;
use tokio::sync::{Notify, mpsc};

use super::foreground;
use super::messages::Messages;
use super::progress::Progress;
use super::tail::{Stream, Tail};
use crate::terminal::stops_writers;
use crate::waiting::{self, is_reader_gone};

const PIECE_BYTES: usize = 64 * 1024;
/// How often output in the background looks whether its terminal takes it.
const FOREGROUND_CHECK: Duration = Duration::from_millis(200);

/// What the threads of both outputs share.
pub struct Shared {
    /// The end of the output.
    pub tail: Mutex<Tail>,
    /// Why output could not be written, if so.
    pub lost: OnceLock<String>,
    /// Told of each piece of output.
    pub has_grown: Notify,
    /// Whether standard output was closed: what is in its place takes all and keeps nothing.
    pub has_no_stdout: bool,
    /// Whether output waits for a terminal that stops who writes to it in the background.
    pub waits_for_terminal: bool,
    /// The progress line, which must not stand where output goes.
    pub progress: Arc<Progress>,
    /// What this program itself has to say.
    pub messages: Messages,
    /// Whether both outputs go to one place.
    pub are_together: bool,
}

impl Shared {
    /// The end of the output, while no thread adds to it.
    pub fn tail(&self) -> MutexGuard<'_, Tail> {
        // A thread that panicked left whole bytes behind.
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread that passes `output` through, until the command closes it, or until `ended`
/// is closed and nothing is left there: a process that the command left behind may hold it open for
/// ever. `done` is dropped at the end.
///
/// When nobody reads Tandem's own output any more, or it cannot be written, the pipe is closed, or the
/// terminal hangs up, so that the command learns of it as it would without Tandem.
///
/// # Errors
/// The system's.
pub fn start(
    stream: Stream,
    output: impl Into<OwnedFd>,
    ended: Arc<PipeReader>,
    shared: Arc<Shared>,
    done: mpsc::Sender<()>,
) -> io::Result<()> {
    let mut output = File::from(output.into());
    thread::Builder::new().name(format!("{stream:?}")).spawn(move || {
        let _done = done;
        let mut piece = vec![0; PIECE_BYTES];
        let mut is_passed_on = true;
        while has_output(&output, &ended) {
            let n = match output.read(&mut piece) {
                Ok(0) => break,
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // A terminal that nobody writes to any more.
                Err(error) if error.raw_os_error() == Some(libc::EIO) => break,
                Err(error) => {
                    return shared.messages.say(format!("cannot read {stream}: {error}"));
                }
            };
            if !is_passed_on {
                continue;
            }
            shared.tail().push(stream, &piece[..n]);
            shared.has_grown.notify_one();
            if shared.waits_for_terminal {
                wait_for_terminal(stream);
            }
            if stream == Stream::Stderr || shared.are_together {
                shared.messages.wait();
            }
            match shared.progress.pass(&piece[..n], || pass(&shared, stream, &piece[..n])) {
                Ok(()) => continue,
                Err(error) if is_reader_gone(&error) => {}
                Err(error) => {
                    let what = format!("cannot write {stream}: write: {error}");
                    shared.messages.say(format!("warning: {what}"));
                    // The first one is told in the manifest.
                    let _ = shared.lost.set(what);
                }
            }
            if !hang_up(&output) {
                break;
            }
            is_passed_on = false;
        }
    })?;
    Ok(())
}

/// Tells those on a terminal that its user is gone; false if it is none. It stays open, as its input
/// does, so who goes on writes to nobody.
fn hang_up(output: &File) -> bool {
    let Ok(group) = tcgetpgrp(output) else { return false };
    // There may be nobody.
    let _ = kill_process_group(group, Signal::HUP);
    true
}

/// Waits while the output's terminal stops who writes there. All of the group is asked to stand still,
/// once. A command that does not would otherwise have each attempt to write be followed by the next.
fn wait_for_terminal(stream: Stream) {
    let is_stopped = || {
        let stops = match stream {
            Stream::Stdout => stops_writers(io::stdout()),
            Stream::Stderr => stops_writers(io::stderr()),
        };
        // Where nobody would have it go on, it writes.
        stops && foreground::can_stand_still()
    };
    if is_stopped() {
        foreground::stop_group();
        while is_stopped() {
            thread::sleep(FOREGROUND_CHECK);
        }
    }
}

fn pass(shared: &Shared, stream: Stream, piece: &[u8]) -> io::Result<()> {
    match stream {
        Stream::Stdout if shared.has_no_stdout => Err(io::Error::from_raw_os_error(libc::EBADF)),
        Stream::Stdout => waiting::stdout().write_all(piece),
        Stream::Stderr => waiting::stderr().write_all(piece),
    }
}

/// Waits until there is output (or its end) to read; false once the command has ended and nothing
/// is left.
fn has_output(output: &File, ended: &PipeReader) -> bool {
    let mut polled = [
        PollFd::from_borrowed_fd(output.as_fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(ended.as_fd(), PollFlags::IN),
    ];
    while poll(&mut polled, None) == Err(rustix::io::Errno::INTR) {}
    // If the system cannot tell, reading does.
    !polled[0].revents().is_empty() || polled[1].revents().is_empty()
}
