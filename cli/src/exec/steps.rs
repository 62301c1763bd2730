//! What a child does before it is its program, and which of it failed: the standard library hands the
//! error on, and not what it is of.

#![allow(unsafe_code, reason = "parent and child share a page, and only the C library makes one")]

use std::io;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::process::Command;

/// What the standard library does before any other step.
const FIRST: &str = "dup2";

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

    /// The call that failed, of a child that is over; none, if it was that of the program.
    pub fn failed(&self) -> Option<&'static str> {
        self.calls.get(self.done.count().load(Ordering::Relaxed)).copied()
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
