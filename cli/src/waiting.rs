//! Standard input and outputs that are waited for.
//!
//! Whether a file blocks belongs to the open file, which other processes share: any of them may
//! make it non-blocking at any time.

use std::io::{self, Read, Stderr, Stdin, Stdout, Write};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// A file whose calls wait, whether or not it blocks. Nothing is buffered.
pub struct Waiting<F>(F);

/// Standard input.
pub fn stdin() -> Waiting<Stdin> {
    Waiting(io::stdin())
}

/// Standard output.
pub fn stdout() -> Waiting<Stdout> {
    Waiting(io::stdout())
}

/// Standard error.
pub fn stderr() -> Waiting<Stderr> {
    Waiting(io::stderr())
}

/// Whether a write failed because nobody reads any more.
pub fn is_reader_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

impl<F: AsFd> Waiting<F> {
    /// Any other file.
    pub fn new(file: F) -> Self {
        Waiting(file)
    }

    /// Makes a call until the file is ready for it.
    fn call(
        &self,
        flags: PollFlags,
        mut call: impl FnMut(&F) -> rustix::io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            match call(&self.0) {
                Err(Errno::AGAIN) => {
                    // If the system cannot wait, or was interrupted, the call tells what there is.
                    let _ = poll(&mut [PollFd::new(&self.0, flags)], None);
                }
                Err(Errno::INTR) => {}
                result => return Ok(result?),
            }
        }
    }
}

impl<F: AsFd> Read for Waiting<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.call(PollFlags::IN, |file| rustix::io::read(file, &mut *buffer))
    }
}

impl<F: AsFd> Write for Waiting<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.call(PollFlags::OUT, |file| rustix::io::write(file, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
