//! What the caller gave this process: the signals that it ignores and blocks, and standard files that
//! are closed, which are the command's and in part in the way of this program; descriptors.

#![allow(unsafe_code, reason = "only the C library asks for them, and sets them in a child")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tokio::process::Command;

/// As many as there are bits in [`Inherited::ignored`].
const SIGNAL_MAX: i32 = 64;

/// Standard input.
pub const STDIN: i32 = 0;
/// Standard output.
pub const STDOUT: i32 = 1;
/// Standard error.
pub const STDERR: i32 = 2;
/// Standard input, output and error.
const STANDARD: [i32; 3] = [STDIN, STDOUT, STDERR];

static IGNORES_PIPE: AtomicBool = AtomicBool::new(false);
/// A bit for each standard file.
static CLOSED: AtomicU8 = AtomicU8::new(0);

/// Rust's own start ignores SIGPIPE and opens what is closed, so how they were can be seen only before
/// that.
#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static BEFORE_START: extern "C" fn() = before_start;

extern "C" fn before_start() {
    IGNORES_PIPE.store(is_ignored(libc::SIGPIPE), Ordering::Relaxed);
    // SAFETY: it only asks.
    let is_closed = |file: &i32| unsafe { libc::fcntl(*file, libc::F_GETFD) } == -1;
    let closed: u8 = STANDARD.iter().filter(|file| is_closed(file)).map(|&file| 1_u8 << file).sum();
    CLOSED.store(closed, Ordering::Relaxed);
}

/// How signals stood at the start.
#[derive(Clone, Copy)]
pub struct Inherited {
    /// A bit for each signal.
    ignored: u64,
    blocked: libc::sigset_t,
}

impl Inherited {
    /// Looks, then makes this process fit for its work: the end of a child is told, and a file that
    /// grows above a limit is an error of the disk. Comes before the first thread.
    pub fn take() -> Self {
        let mut ignored = ignored_now() & !bit(libc::SIGPIPE);
        if IGNORES_PIPE.load(Ordering::Relaxed) {
            ignored |= bit(libc::SIGPIPE);
        }
        let inherited = Inherited { ignored, blocked: unblock(libc::SIGCHLD) };
        if inherited.ignores(libc::SIGCHLD) {
            // SAFETY: no handler is set.
            unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
        }
        if !inherited.ignores(libc::SIGXFSZ) {
            // A command does not inherit what is caught. If this fails, such a write ends the program
            // as it ends others.
            let _ = signal_hook::flag::register(libc::SIGXFSZ, Arc::default());
        }
        inherited
    }

    /// Whether this signal was ignored.
    pub fn ignores(&self, signal: i32) -> bool {
        self.ignored & bit(signal) != 0
    }

    /// The signals that were blocked.
    pub fn blocked(&self) -> libc::sigset_t {
        self.blocked
    }

    /// Has the command start with what the caller ignored. What it blocked is to be blocked by the
    /// thread that starts the command.
    pub fn give(&self, command: &mut Command) {
        // The standard library sets this one's default.
        let kept = ignored_now() & !bit(libc::SIGPIPE);
        let lost: Vec<i32> =
            signals().filter(|&signal| self.ignored & !kept & bit(signal) != 0).collect();
        if lost.is_empty() {
            // Without a step of its own the start of a command copies no page of this process.
            return;
        }
        // SAFETY: the call is async-signal-safe, and nothing is allocated.
        unsafe {
            command.pre_exec(move || {
                for &signal in &lost {
                    libc::signal(signal, libc::SIG_IGN);
                }
                Ok(())
            });
        }
    }
}

/// Whether this standard file was closed when the program started: what is open in its place is
/// nobody's.
pub fn was_closed(file: i32) -> bool {
    CLOSED.load(Ordering::Relaxed) & (1 << file) != 0
}

/// Has the command start with those standard files closed that were closed.
pub fn close(command: &mut Command) {
    if CLOSED.load(Ordering::Relaxed) == 0 {
        return;
    }
    // SAFETY: it is async-signal-safe, and these files are nobody's.
    unsafe {
        command.pre_exec(|| {
            for &file in STANDARD.iter().filter(|&&file| was_closed(file)) {
                libc::close(file);
            }
            Ok(())
        });
    }
}

/// A descriptor that the caller has opened, of our own and not the command's.
pub fn descriptor(number: i32) -> io::Result<OwnedFd> {
    // SAFETY: it is lent for one call, which only asks the system: where nothing is open, it says so.
    let given = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(rustix::io::fcntl_dupfd_cloexec(given, 0)?)
}

fn signals() -> impl Iterator<Item = i32> {
    1..=SIGNAL_MAX
}

fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

fn ignored_now() -> u64 {
    signals().filter(|&signal| is_ignored(signal)).map(bit).sum()
}

/// A signal that the system does not have is not ignored.
fn is_ignored(signal: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: it only asks, and `action` is read if it was written.
    unsafe {
        libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// Lets this thread, and those that it starts, have a signal. Gives what was blocked before.
fn unblock(signal: i32) -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the first two calls initialise the sets.
    unsafe {
        libc::sigemptyset(before.as_mut_ptr());
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), before.as_mut_ptr());
        before.assume_init()
    }
}
