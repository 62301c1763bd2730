//! A terminal of the command's own.

#![allow(
    unsafe_code,
    reason = "only the C library opens one, and a child takes it before it is the command"
)]

use std::fs::{self, File};
use std::io::{self, ErrorKind, PipeReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{ioctl_tiocsctty, setsid};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, Winsize, isatty, tcgetattr,
    tcgetwinsize, tcsetattr, tcsetwinsize,
};
use signal_hook::consts::{SIGINT, SIGQUIT, SIGWINCH};
use tandem_host::limits::failed_call;
use tokio::process::Command;

use super::common::failed;
use super::raw_terminal::RawTerminal;
use super::received::{PassedOn, Received};
use super::steps::Steps;
use crate::terminal::is_foreground;
use crate::waiting;

const PIECE_BYTES: usize = 4096;
/// What gives terminals.
const DEVICE: &str = "/dev/ptmx";
/// Where Linux tells how many terminals there may be.
const LIMIT: &str = "/proc/sys/kernel/pty/max";
/// The size of a terminal that nobody sees.
const SIZE: Winsize = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
/// How often a job in the background looks whether it may read from its terminal.
const FOREGROUND_CHECK: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// Both sides of a new terminal.
pub struct Pty {
    /// This program's: what the command writes comes out, what goes in is typed.
    pub master: OwnedFd,
    /// The command's. It stays open here, so that the terminal is there as long as the command, even
    /// if that closes it for a while.
    slave: OwnedFd,
}

impl Pty {
    /// A terminal with the size and the modes of the one that this program has.
    ///
    /// # Errors
    /// The call that failed and what the system said.
    pub fn open() -> Result<Self, String> {
        let (mut master, mut slave) = (-1, -1);
        // SAFETY: it writes both numbers, and takes nothing else.
        let opened = unsafe {
            libc::openpty(
                &mut master,
                &mut slave,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        if opened != 0 {
            return Err(not_opened(&io::Error::last_os_error()));
        }
        // SAFETY: the descriptors are new.
        let [master, slave] = [master, slave].map(|file| unsafe { OwnedFd::from_raw_fd(file) });
        // Only one command is started, and later.
        for side in [&master, &slave] {
            let set = fcntl_setfd(side, FdFlags::CLOEXEC).map_err(io::Error::from);
            set.map_err(failed("fcntl"))?;
        }
        let modes = modes(&slave).map_err(failed("tcgetattr"))?;
        let set = tcsetattr(&slave, OptionalActions::Now, &modes).map_err(io::Error::from);
        set.map_err(failed("tcsetattr"))?;
        let pty = Pty { master, slave };
        pty.follow_size();
        Ok(pty)
    }

    /// Takes the size of the terminal that this program has. Whether it is another one: then the system
    /// tells the command.
    fn follow_size(&self) -> bool {
        let (before, now) = (tcgetwinsize(&self.slave), size().unwrap_or(SIZE));
        let is_same =
            before.is_ok_and(|before| (before.ws_row, before.ws_col) == (now.ws_row, now.ws_col));
        !is_same && tcsetwinsize(&self.slave, now).is_ok()
    }

    /// The signals that keys are to the command, as its terminal stands now.
    fn signals_of(&self, keys: &[u8]) -> impl Iterator<Item = i32> + use<> {
        let modes = tcgetattr(&self.slave);
        let modes = modes.ok().filter(|modes| modes.local_modes.contains(LocalModes::ISIG));
        let are_typed =
            |code| modes.as_ref().is_some_and(|modes| keys.contains(&modes.special_codes[code]));
        let keys = [(SpecialCodeIndex::VINTR, SIGINT), (SpecialCodeIndex::VQUIT, SIGQUIT)];
        keys.map(|(code, signal)| are_typed(code).then_some(signal)).into_iter().flatten()
    }

    /// What is typed for the end of input. What does not end with a line needs it twice: the first one
    /// hands that on.
    fn type_end(&self, is_in_line: bool) -> io::Result<()> {
        let end = tcgetattr(&self.slave)?.special_codes[SpecialCodeIndex::VEOF];
        let ends = [end; 2];
        write(&self.master, if is_in_line { &ends } else { &ends[..1] })
    }
}

/// Why there is no terminal. That no space is left on a device means how many there are.
fn not_opened(error: &io::Error) -> String {
    let told = failed_call(&format!("openpty {DEVICE}"), error);
    let limit = (error.raw_os_error() == Some(libc::ENOSPC))
        .then(|| fs::read_to_string(LIMIT).ok())
        .flatten();
    match limit {
        Some(limit) => {
            format!("{told}, the limit of terminals (kernel.pty.max) is {}", limit.trim_end())
        }
        None => told,
    }
}

fn modes(slave: &OwnedFd) -> io::Result<Termios> {
    let mut modes = tcgetattr(slave)?;
    if isatty(io::stdin()) {
        // In the background they are those of who has the terminal, a shell that edits its line.
        let own = is_foreground(io::stdin()).then(|| tcgetattr(io::stdin()));
        return Ok(own.transpose()?.unwrap_or(modes));
    }
    // What comes from a file or a pipe was not typed: nobody needs to see it.
    modes.local_modes.remove(LocalModes::ECHO);
    Ok(modes)
}

fn size() -> Option<Winsize> {
    let is_told = |size: &Winsize| size.ws_col > 0 && size.ws_row > 0;
    let all = [tcgetwinsize(io::stdin()), tcgetwinsize(io::stdout()), tcgetwinsize(io::stderr())];
    all.into_iter().flatten().find(is_told)
}

fn write(master: &OwnedFd, bytes: &[u8]) -> io::Result<()> {
    File::from(master.try_clone()?).write_all(bytes)
}

/// A terminal in use.
pub struct Session {
    pty: Pty,
    /// This program's own.
    own: Arc<Mutex<RawTerminal>>,
    /// Signals of keys that were typed.
    pub typed: Receiver<PassedOn>,
}

impl Session {
    /// Starts the thread that types this program's input, until `ended` is closed.
    ///
    /// # Errors
    /// The call that failed and what the system said.
    pub fn start(pty: Pty, ended: Arc<PipeReader>) -> Result<Self, String> {
        let copy = |side: &OwnedFd| side.try_clone().map_err(failed("dup"));
        let keys = Pty { master: copy(&pty.master)?, slave: copy(&pty.slave)? };
        let (signals, typed) = channel();
        let own = Arc::new(Mutex::new(RawTerminal::default()));
        lock(&own).enter();
        let typed_on = own.clone();
        let thread = std::thread::Builder::new().name("input".into());
        let started = thread.spawn(move || {
            // The command ends its terminal when it wants no more of it.
            let _ = type_input(&keys, &ended, &signals, &typed_on);
        });
        started.map_err(failed("pthread_create"))?;
        Ok(Session { pty, own, typed })
    }

    /// This program's own terminal is as it was.
    pub fn restore(&self) {
        lock(&self.own).restore();
    }

    /// Has the command start on this terminal.
    ///
    /// # Errors
    /// The system's.
    pub fn give(&self, command: &mut Command) -> io::Result<()> {
        let slave = || self.pty.slave.try_clone();
        command.stdin(slave()?).stdout(slave()?).stderr(slave()?);
        Ok(())
    }

    /// Has it lead a session there.
    pub fn lead(command: &mut Command, steps: &mut Steps) {
        // SAFETY: both are system calls on an input that is open, and nothing is allocated.
        unsafe {
            steps.add(command, "setsid", || Ok(setsid().map(drop)?));
            steps.add(command, "ioctl TIOCSCTTY", || {
                Ok(ioctl_tiocsctty(BorrowedFd::borrow_raw(0))?)
            });
        }
    }

    /// Whether the command needs nothing more of a signal: its own terminal tells it of a new size.
    pub fn has_told(&self, received: &Received) -> bool {
        received.signal() == SIGWINCH && (self.pty.follow_size() || received.is_groups)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The thread that types may have it still.
        self.restore();
    }
}

fn lock(own: &Mutex<RawTerminal>) -> MutexGuard<'_, RawTerminal> {
    // It is whole after every step.
    own.lock().unwrap_or_else(PoisonError::into_inner)
}

fn type_input(
    pty: &Pty,
    ended: &PipeReader,
    signals: &Sender<PassedOn>,
    own: &Mutex<RawTerminal>,
) -> io::Result<()> {
    let mut input = waiting::stdin();
    let is_terminal = isatty(io::stdin());
    let mut piece = [0; PIECE_BYTES];
    let mut is_in_line = false;
    loop {
        if is_terminal && !is_foreground(io::stdin()) {
            // To read now would stop this program.
            if is_ended(ended, Some(&FOREGROUND_CHECK)) {
                return Ok(());
            }
            continue;
        }
        let is_raw = {
            // A shell has brought this job to the foreground, and tells nobody.
            let mut own = lock(own);
            own.enter();
            own.is_raw()
        };
        // One that is not raw yet may be in the background soon, and come back.
        let look_again = (is_terminal && !is_raw).then_some(&FOREGROUND_CHECK);
        match has_input(ended, look_again)? {
            Some(true) if is_terminal && !is_foreground(io::stdin()) => continue,
            Some(true) => {}
            Some(false) => break,
            None => continue,
        }
        match input.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => {
                for signal in pty.signals_of(&piece[..n]) {
                    // Nobody may be left to hear it.
                    let _ = signals.send(PassedOn { signal, at: Some(Instant::now()) });
                }
                write(&pty.master, &piece[..n])?;
                is_in_line = piece[n - 1] != b'\n';
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // It ends, like one whose terminal hangs up.
            Err(_) => break,
        }
    }
    if is_ended(ended, Some(&Timespec::default())) {
        return Ok(());
    }
    pty.type_end(is_in_line)
}

/// Waits until there is input, or its end; false once the command has ended. Nothing if neither came
/// in time.
fn has_input(ended: &PipeReader, time: Option<&Timespec>) -> io::Result<Option<bool>> {
    let stdin = io::stdin();
    let mut polled = [
        PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(ended.as_fd(), PollFlags::IN),
    ];
    loop {
        match poll(&mut polled, time) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(polled[1].revents().is_empty())),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_ended(ended: &PipeReader, wait: Option<&Timespec>) -> bool {
    let mut polled = [PollFd::from_borrowed_fd(ended.as_fd(), PollFlags::IN)];
    poll(&mut polled, wait).is_ok_and(|ready| ready > 0)
}
