//! Standard input and outputs that are waited for.
//!
//! Whether a file blocks belongs to the open file, which other processes share: any of them may
//! make it non-blocking at any time.

use std::io::{self, Read, Stderr, Stdin, Stdout, Write};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::inherited::{self, STDERR, STDIN, STDOUT};

/// A file whose calls wait, whether or not it blocks. Nothing is buffered.
pub struct Waiting<F> {
    file: F,
    /// The caller had closed it, and what is open in its place loses what is written.
    was_closed: bool,
}

/// Standard input.
pub fn stdin() -> Waiting<Stdin> {
    Waiting { file: io::stdin(), was_closed: inherited::was_closed(STDIN) }
}

/// Standard output.
pub fn stdout() -> Waiting<Stdout> {
    Waiting { file: io::stdout(), was_closed: inherited::was_closed(STDOUT) }
}

/// Standard error.
pub fn stderr() -> Waiting<Stderr> {
    Waiting { file: io::stderr(), was_closed: inherited::was_closed(STDERR) }
}

/// Whether something can be written there without a wait.
pub fn has_room(file: impl AsFd) -> bool {
    let mut polled = [PollFd::new(&file, PollFlags::OUT)];
    // If the system cannot tell, writing does.
    poll(&mut polled, Some(&Timespec::default())) != Ok(0)
}

/// Whether a write failed because nobody reads any more.
pub fn is_reader_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

impl<F: AsFd> Waiting<F> {
    /// Any other file.
    pub fn new(file: F) -> Self {
        Waiting { file, was_closed: false }
    }

    /// Makes a call until the file is ready for it.
    fn call(
        &self,
        flags: PollFlags,
        mut call: impl FnMut(&F) -> rustix::io::Result<usize>,
    ) -> io::Result<usize> {
        if self.was_closed {
            return Err(Errno::BADF.into());
        }
        loop {
            match call(&self.file) {
                Err(Errno::AGAIN) => {
                    // If the system cannot wait, or was interrupted, the call tells what there is.
                    let _ = poll(&mut [PollFd::new(&self.file, flags)], None);
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
        let mut piece = bytes;
        loop {
            let written = self.call(PollFlags::OUT, |file| rustix::io::write(file, piece));
            // A socket of messages takes each as a whole, or not at all.
            let is_too_long = |error: &io::Error| error.raw_os_error() == Some(libc::EMSGSIZE);
            if piece.len() < 2 || !written.as_ref().is_err_and(is_too_long) {
                return written;
            }
            piece = &piece[..piece.len() / 2];
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
