//! A process in the group of `exec` that does nothing but notice signals. What it gets, everybody in
//! the group gets, so the command has it too; what `exec` gets alone is to be passed on. The system
//! tells a process who sent a signal, and not to whom else.

#![allow(unsafe_code, reason = "a process that shares a program can only be forked")]

use std::cell::Cell;
use std::fs;
use std::io::{self, Read, Write};
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::ptr;
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, getpid, kill_process, waitid, waitpid,
};

use super::groups;
use super::handler::Sender;
use super::undecided::Seen;

/// Its name, in which nobody who looks for `tandem` finds it.
const NAME: &[u8] = b"signal-witness\0";
/// How long its answer is waited for: something may hold it.
const ANSWER: Duration = Duration::from_secs(2);
/// More descriptors than a process has where the system cannot close all at once.
const DESCRIPTORS_MAX: RawFd = 65_536;

/// The process. It ends with this.
pub struct Witness {
    pid: Pid,
    has_ended: bool,
    socket: UnixStream,
    /// The number of the last question. An answer that came too late is not one to the next.
    asked: Cell<u8>,
    /// It did not answer once: to wait for it again would delay each signal and each end.
    is_silent: Cell<bool>,
}

impl Witness {
    /// Starts it. Comes before the first thread: a process is forked with the thread that asks.
    pub fn start() -> io::Result<Self> {
        let (socket, its) = UnixStream::pair()?;
        socket.set_read_timeout(Some(ANSWER))?;
        let arguments = arguments();
        let parent = getpid();
        // SAFETY: there is one thread, so the child's memory is whole; it makes system calls alone.
        unsafe {
            let (all, before) = (all_signals(), MaybeUninit::<libc::sigset_t>::uninit());
            let mut before = before;
            libc::sigprocmask(libc::SIG_SETMASK, &all, before.as_mut_ptr());
            let pid = libc::fork();
            if pid == 0 {
                witness(its.as_raw_fd(), parent.as_raw_nonzero().get(), arguments);
            }
            let error = io::Error::last_os_error();
            libc::sigprocmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
            match Pid::from_raw(pid.max(0)) {
                Some(pid) => Ok(Witness::new(pid, socket)),
                None => Err(error),
            }
        }
    }

    fn new(pid: Pid, socket: UnixStream) -> Self {
        let (asked, is_silent) = (Cell::new(0), Cell::new(false));
        Witness { pid, has_ended: false, socket, asked, is_silent }
    }

    /// Whether it did not answer.
    pub fn is_silent(&self) -> bool {
        self.is_silent.get()
    }

    /// Has it go on if somebody stopped the whole group, and then had `exec` go on alone.
    fn go_on(&self) {
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // One that does not stand still would forget what it has seen of signals that stop.
        if waitid(WaitId::Pid(self.pid), options).is_ok_and(|stopped| stopped.is_some()) {
            let _ = kill_process(self.pid, Signal::CONT);
        }
    }

    /// Its number.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Whether somebody has ended it.
    pub fn has_ended(&mut self) -> bool {
        // If it is no child any more, somebody else waited for it.
        let ended = waitpid(Some(self.pid), WaitOptions::NOHANG);
        self.has_ended |= !matches!(ended, Ok(None));
        self.has_ended
    }

    /// Takes what it has got. If it cannot tell, it has got nothing.
    pub fn take(&self) -> Vec<Seen> {
        groups::wait_for_senders();
        if self.is_silent() || groups::of(self.pid) != Some(groups::own()) {
            return Vec::new();
        }
        self.go_on();
        let mut seen = Vec::new();
        let question = self.asked.get().wrapping_add(1);
        self.asked.set(question);
        if (&self.socket).write_all(&[question]).is_err() {
            self.is_silent.set(true);
            return seen;
        }
        loop {
            let mut one = [0; size_of::<Seen>()];
            if (&self.socket).read_exact(&mut one).is_err() {
                self.is_silent.set(true);
                return seen;
            }
            // SAFETY: all of it is numbers.
            let one = unsafe { ptr::read_unaligned(one.as_ptr().cast::<Seen>()) };
            match one.signal {
                0 if one.sender.code == i32::from(question) => {
                    // Who signalled this one may be about to signal `exec`.
                    groups::wait_for_senders();
                    return seen;
                }
                0 => seen.clear(),
                _ => seen.push(one),
            }
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if !self.has_ended {
            let _ = kill_process(self.pid, Signal::KILL);
            // One that a debugger holds is not to be had yet: who reaps what others left takes it then.
            let wait = if self.is_silent() { WaitOptions::NOHANG } else { WaitOptions::empty() };
            let _ = waitpid(Some(self.pid), wait);
        }
    }
}

fn all_signals() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the call initialises the set.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        set.assume_init()
    }
}

/// Where the arguments of this process are in memory: `ps` shows what stands there.
fn arguments() -> Option<(usize, usize)> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name may hold anything. What comes after it begins with the third field.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let begin: usize = fields.nth(48 - 3)?.parse().ok()?;
    let end: usize = fields.next()?.parse().ok()?;
    (begin != 0 && begin + NAME.len() <= end).then(|| (begin, end - begin))
}

/// # Safety
/// It is a child that was just forked, with all signals blocked.
unsafe fn witness(socket: RawFd, parent: i32, arguments: Option<(usize, usize)>) -> ! {
    // SAFETY: system calls, on memory of this process alone.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::getppid() != parent {
            libc::_exit(0);
        }
        libc::prctl(libc::PR_SET_NAME, NAME.as_ptr());
        // Who looks for the program's file finds it with root's rights only.
        libc::prctl(libc::PR_SET_DUMPABLE, 0);
        if let Some((begin, bytes)) = arguments {
            let begin = ptr::with_exposed_provenance_mut::<u8>(begin);
            ptr::write_bytes(begin, 0, bytes);
            ptr::copy_nonoverlapping(NAME.as_ptr(), begin, NAME.len());
        }
        // It holds nothing open, and no directory in use.
        libc::dup2(socket, 0);
        if libc::syscall(libc::SYS_close_range, 1, u32::MAX, 0) != 0 {
            for descriptor in 1..DESCRIPTORS_MAX {
                libc::close(descriptor);
            }
        }
        libc::chdir(c"/".as_ptr());
        let all = all_signals();
        let mut question = 0_u8;
        loop {
            if libc::read(0, ptr::from_mut(&mut question).cast(), 1) != 1 {
                libc::_exit(0);
            }
            while let Some(seen) = next(&all) {
                answer(seen);
            }
            let sender = Sender { code: i32::from(question), pid: 0, uid: 0 };
            answer(Seen { signal: 0, sender });
        }
    }
}

/// The next signal that is there.
///
/// # Safety
/// All signals are blocked.
unsafe fn next(all: &libc::sigset_t) -> Option<Seen> {
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `info` is read if it was written.
    unsafe {
        let mut info: libc::siginfo_t = mem::zeroed();
        let signal = libc::sigtimedwait(all, &mut info, &now);
        (signal > 0).then(|| Seen { signal, sender: Sender::of(&info) })
    }
}

/// # Safety
/// It is the witness.
unsafe fn answer(seen: Seen) {
    // SAFETY: numbers alone.
    unsafe {
        let bytes = size_of::<Seen>();
        if libc::write(0, ptr::from_ref(&seen).cast(), bytes) != bytes.cast_signed() {
            libc::_exit(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn one_that_does_not_answer_is_asked_once() {
        let (socket, its) = UnixStream::pair().unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        // It is waited for by its number, when it is dropped.
        #[allow(clippy::zombie_processes)]
        let silent = Command::new("sleep").arg("1000").spawn().unwrap();
        let witness = Witness::new(Pid::from_child(&silent), socket);
        assert!(!witness.is_silent());
        for _ in 0..2 {
            assert_eq!(witness.take(), []);
            assert!(witness.is_silent());
        }
        drop(witness);
        let mut questions = Vec::new();
        (&its).read_to_end(&mut questions).unwrap();
        assert_eq!(questions, [1]);
    }
}
