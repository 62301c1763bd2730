//! What a child does before it is its program, and which of it failed: the standard library hands the
//! error on, and not what it is of.

#![allow(unsafe_code, reason = "parent and child share a page, and only the C library makes one")]

use std::io;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::process::Command;

/// What the standard library does before any other step, in the child.
const FIRST: &str = "dup2";
/// What it does before there is a child.
const PIPE: &str = "pipe";
const FORK: &str = "fork";
/// The start of the program.
const LAST: &str = "execve";

/// Steps, in their order.
pub struct Steps {
    done: Arc<Page>,
    calls: Vec<&'static str>,
}

impl Steps {
    /// None but the first.
    ///
    /// # Errors
    /// The system's.
    pub fn new(command: &mut Command) -> io::Result<Self> {
        let mut steps = Steps { done: Arc::new(Page::new()?), calls: Vec::new() };
        // SAFETY: it does nothing.
        unsafe { steps.add(command, FIRST, || Ok(())) };
        Ok(steps)
    }

    /// Adds one: a call of the system, by its name.
    ///
    /// # Safety
    /// It is async-signal-safe.
    pub unsafe fn add(
        &mut self,
        command: &mut Command,
        call: &'static str,
        mut step: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
    ) {
        self.calls.push(call);
        let done = self.done.clone();
        // SAFETY: the caller's, and a count in a page that is there.
        unsafe {
            command.pre_exec(move || {
                step()?;
                done.count().fetch_add(1, Ordering::Relaxed);
                Ok(())
            });
        }
    }

    /// The call that failed with this error, of a child that is over or was none; nothing, if something
    /// is wrong with the program.
    pub fn failed(&self, error: &io::Error) -> Option<&'static str> {
        let done = self.done.count().load(Ordering::Relaxed);
        match (error.raw_os_error()?, self.calls.get(done).copied()) {
            (libc::EMFILE | libc::ENFILE, Some(_)) if done == 0 => Some(PIPE),
            (libc::EAGAIN | libc::ENOMEM, Some(_)) if done == 0 => Some(FORK),
            (_, Some(call)) => Some(call),
            (libc::EMFILE | libc::ENFILE | libc::EAGAIN | libc::ENOMEM, None) => Some(LAST),
            (_, None) => None,
        }
    }
}

/// A page that a child has too.
struct Page(NonNull<AtomicUsize>);

// SAFETY: what is there is atomic.
unsafe impl Send for Page {}
// SAFETY: as above.
unsafe impl Sync for Page {}

impl Page {
    fn new() -> io::Result<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a new page, somewhere.
        let page =
            unsafe { libc::mmap(ptr::null_mut(), size_of::<AtomicUsize>(), access, kind, -1, 0) };
        match NonNull::new(page.cast()) {
            Some(count) if page != libc::MAP_FAILED => Ok(Page(count)),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn count(&self) -> &AtomicUsize {
        // SAFETY: a new page is zeros, and is there as long as this.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: nobody has it any more.
        unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<AtomicUsize>()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_failed_is_told_by_how_far_a_child_came() {
        let mut steps = Steps::new(&mut Command::new("true")).unwrap();
        // SAFETY: it does nothing.
        unsafe { steps.add(&mut Command::new("true"), "setsid", || Ok(())) };
        let failed = |steps: &Steps, done, errno| {
            steps.done.count().store(done, Ordering::Relaxed);
            steps.failed(&io::Error::from_raw_os_error(errno))
        };
        for (done, errno, call) in [
            (0, libc::EMFILE, Some("pipe")),
            (0, libc::ENOMEM, Some("fork")),
            (0, libc::EBADF, Some("dup2")),
            (1, libc::EPERM, Some("setsid")),
            (2, libc::EAGAIN, Some("execve")),
            (2, libc::ENOENT, None),
        ] {
            assert_eq!(failed(&steps, done, errno), call);
        }
        // An argument that holds a NUL reaches no call.
        assert_eq!(steps.failed(&io::ErrorKind::InvalidInput.into()), None);
    }
}
