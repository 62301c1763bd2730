//! Catches signals with what the system tells of each, and asks what else only the C library can
//! tell. A handler may do next to nothing: it writes what it got into a pipe. Signals come to
//! the one thread that reads it, so none that was sent is ever in the hands of another.

#![allow(unsafe_code, reason = "only the C library sets handlers and sends real-time signals")]

use std::io::{self, PipeReader, Read};
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, IntoRawFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::signal::STOP;

/// What stays as it is: two that nobody can catch, the faults of this process itself, and what
/// [`crate::inherited`] sees to.
const NOT_CAUGHT: [i32; 8] = [
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGSEGV,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGBUS,
    libc::SIGPIPE,
    libc::SIGXFSZ,
];
/// Sent by anybody they are passed on; raised by the system they are faults.
const MAYBE_FAULTS: [i32; 2] = [libc::SIGSYS, libc::SIGTRAP];

/// The code of a signal that somebody sent.
#[cfg(target_os = "linux")]
const SI_USER: i32 = libc::SI_USER;
/// The C library's number on macOS, which the crate lacks.
#[cfg(not(target_os = "linux"))]
const SI_USER: i32 = 0x10001;

/// The code of one that was sent to a thread, as by `raise`.
#[cfg(target_os = "linux")]
const SI_TKILL: i32 = libc::SI_TKILL;
#[cfg(not(target_os = "linux"))]
const SI_TKILL: i32 = SI_USER;

/// Where the handler writes; there is one in a process.
static PIPE: AtomicI32 = AtomicI32::new(-1);
/// The signals that found the pipe full, a bit for each.
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);
/// The process whose signals they are. A child that is not its program yet has the handlers too.
static OWNER: AtomicI32 = AtomicI32::new(0);
/// Held while a thread that does not read the pipe may get signals.
static LENT: Mutex<()> = Mutex::new(());

/// A signal, as the system tells it.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Caught {
    /// Its number, or [`Caught::POKE`].
    pub signal: i32,
    pub sender: Sender,
    /// What comes with a signal that was queued.
    pub value: usize,
    pub at: Instant,
    /// The child of this process that it comes from, which may be its sender; 0 as long as nobody has
    /// looked.
    pub child: i32,
}

/// Who sent a signal, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Sender {
    pub code: i32,
    pub pid: i32,
    pub uid: u32,
}

impl Caught {
    /// No signal: it only wakes who reads.
    pub const POKE: i32 = 0;

    fn without_sender(signal: i32) -> Self {
        let sender = Sender { code: SI_USER, pid: 0, uid: 0 };
        Caught { signal, sender, value: 0, at: Instant::now(), child: 0 }
    }
}

impl Sender {
    /// Of what the system tells of a signal.
    pub fn of(info: &libc::siginfo_t) -> Self {
        // SAFETY: of a signal without a sender these bytes are something else, and initialised.
        unsafe { Sender { code: info.si_code, pid: info.si_pid(), uid: info.si_uid() } }
    }

    /// The process, if it was one that has a number here.
    pub fn process(&self) -> Option<i32> {
        let is_sent = self.code == SI_USER || self.code == SI_TKILL || is_queued(self.code);
        (is_sent && self.pid > 0).then_some(self.pid)
    }
}

/// Every signal that can be caught and is passed on.
pub fn catchable() -> impl Iterator<Item = i32> {
    let named = 1..=31;
    #[cfg(target_os = "linux")]
    let named = named.chain(libc::SIGRTMIN()..=libc::SIGRTMAX());
    named.filter(|signal| !NOT_CAUGHT.contains(signal))
}

/// What the handler has written.
pub struct Pipe {
    reader: PipeReader,
}

impl Pipe {
    /// Catches these signals from now on.
    pub fn open(caught: &[i32]) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        for end in [reader.as_fd(), writer.as_fd()] {
            fcntl_setfl(end, fcntl_getfl(end)? | OFlags::NONBLOCK)?;
        }
        // Handlers stay set, so it is never closed: a file would get its number.
        PIPE.store(writer.into_raw_fd(), Ordering::Relaxed);
        OWNER.store(std::process::id().cast_signed(), Ordering::Relaxed);
        for &signal in caught {
            // SAFETY: an action of zeros is one.
            let mut action: libc::sigaction = unsafe { mem::zeroed() };
            action.sa_sigaction = on_signal as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
            // One after the other, in the order of the system.
            // SAFETY: it fills a set of this function.
            unsafe { libc::sigfillset(&mut action.sa_mask) };
            // SAFETY: the action is whole, and its handler calls what a handler may.
            if unsafe { libc::sigaction(signal, &action, ptr::null_mut()) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(Pipe { reader })
    }

    /// Waits until there is something to read, or until then.
    pub fn wait(&self, until: Option<Instant>) {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        let mut polled = [PollFd::from_borrowed_fd(self.reader.as_fd(), PollFlags::IN)];
        // An interrupted wait is only a shorter one.
        let _ = poll(&mut polled, left.as_ref());
    }

    /// Takes what the handler has written.
    pub fn take(&mut self, into: &mut Vec<Caught>) {
        const SIZE: usize = size_of::<Caught>();
        let mut bytes = [0; 64 * SIZE];
        // Each is written at once, so only whole ones are read.
        while let Ok(n @ 1..) = self.reader.read(&mut bytes) {
            into.extend(bytes[..n].chunks_exact(SIZE).map(|one| {
                // SAFETY: the bytes are those of one that this process wrote.
                unsafe { ptr::read_unaligned(one.as_ptr().cast::<Caught>()) }
            }));
        }
        let left_out = LEFT_OUT.swap(0, Ordering::Relaxed);
        let signals = (1..=64).filter(|signal| left_out & bit(*signal) != 0);
        into.extend(signals.map(Caught::without_sender));
    }

    /// Takes all that were sent so far. Only the thread that gets them can tell. As long as another may
    /// get them, which starts a command, it waits and does `meanwhile`.
    pub fn take_all(&mut self, into: &mut Vec<Caught>, meanwhile: impl Fn()) {
        const STEP: Duration = Duration::from_millis(1);
        let _own = loop {
            match LENT.try_lock() {
                Ok(guard) => break guard,
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    meanwhile();
                    std::thread::sleep(STEP);
                }
            }
        };
        // Whatever waits for this thread comes before a call of the system returns.
        // SAFETY: it only asks.
        unsafe { libc::getppid() };
        self.take(into);
    }
}

/// Wakes who waits for the pipe.
pub fn poke() {
    write(&Caught::without_sender(Caught::POKE));
}

extern "C" fn on_signal(signal: i32, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the system gives what it tells, and what is called may be called here.
    unsafe {
        let errno = errno();
        let before = *errno;
        let info = &*info;
        if libc::getpid() != OWNER.load(Ordering::Relaxed) {
            // As without a handler. One that stands still would have its parent wait.
            if !STOP.contains(&signal) {
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
        } else if info.si_code > 0 && MAYBE_FAULTS.contains(&signal) {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        } else {
            let value = if is_queued(info.si_code) { value(info) } else { 0 };
            let sender = Sender::of(info);
            write(&Caught { signal, sender, value, at: Instant::now(), child: 0 });
        }
        *errno = before;
    }
}

fn write(caught: &Caught) {
    let bytes = size_of::<Caught>();
    // SAFETY: the pipe stays open from before the first handler is set, and `caught` is as long as is told.
    let written =
        unsafe { libc::write(PIPE.load(Ordering::Relaxed), ptr::from_ref(caught).cast(), bytes) };
    if written != bytes.cast_signed() && caught.signal != Caught::POKE {
        LEFT_OUT.fetch_or(bit(caught.signal), Ordering::Relaxed);
    }
}

fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// # Safety
/// It is asked as any call of the C library.
unsafe fn errno() -> *mut i32 {
    // SAFETY: a place of this thread.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::__errno_location()
    }
    // SAFETY: a place of this thread.
    #[cfg(not(target_os = "linux"))]
    unsafe {
        libc::__error()
    }
}

/// Whether a signal with this code carries a value.
#[cfg(target_os = "linux")]
pub fn is_queued(code: i32) -> bool {
    code == libc::SI_QUEUE
}

/// Whether a signal with this code carries a value.
#[cfg(not(target_os = "linux"))]
pub fn is_queued(_code: i32) -> bool {
    false
}

#[cfg(target_os = "linux")]
fn value(info: &libc::siginfo_t) -> usize {
    // SAFETY: a signal that was queued has one.
    unsafe { info.si_value().sival_ptr as usize }
}

#[cfg(not(target_os = "linux"))]
fn value(_info: &libc::siginfo_t) -> usize {
    0
}

/// Keeps these signals, and no other, from this thread and from those that it starts.
pub fn block(signals: impl IntoIterator<Item = i32>) {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the first call initialises the set.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, set.as_ptr(), ptr::null_mut());
    }
}

/// Does something while this thread keeps just these signals away, as a command inherits it.
pub fn with_blocked<T>(set: &libc::sigset_t, start: impl FnOnce() -> T) -> T {
    let _lent = LENT.lock().unwrap_or_else(PoisonError::into_inner);
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the first call initialises what the second one reads.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, set, before.as_mut_ptr()) };
    let started = start();
    // SAFETY: as above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    started
}

/// Whether a signal was not sent because nobody is there.
pub fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ESRCH)
}

/// Sends a signal, with its value if it is a queued one; to a group, without a value, if the number is
/// negative.
pub fn send(pid: i32, signal: i32, queued: Option<usize>) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if let Some(value) = queued
        && pid > 0
    {
        let value = libc::sigval { sival_ptr: value as *mut libc::c_void };
        // SAFETY: plain values.
        let result = unsafe { libc::sigqueue(pid, signal, value) };
        return if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
    }
    let _ = queued;
    // SAFETY: plain values.
    let result = unsafe { libc::kill(pid, signal) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
