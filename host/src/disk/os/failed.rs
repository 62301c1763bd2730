//! What a call failed with, in this library's terms and in the system's.

use std::io;

use rustix::io::Errno;

use crate::disk::ErrorCode;
use crate::disk::said::{self, Said};

/// A call failed.
#[derive(Debug)]
pub(super) struct Failed {
    code: ErrorCode,
    /// What the system said, unless no call of it failed.
    said: Option<io::Error>,
    /// The system's name of the call, if it is another one than what was to be done.
    call: Option<&'static str>,
}

impl Failed {
    /// The same, met while something was opened on the way.
    pub(super) fn on_open(self) -> Failed {
        Failed { call: Some("open"), ..self }
    }

    /// The code for the answer; beside it, what the system said when this was to be done.
    pub(super) fn tell(self, step: &'static str) -> ErrorCode {
        if let Some(error) = self.said {
            said::tell(self.code, Said { step, call: self.call.unwrap_or(step), error });
        }
        self.code
    }

    /// Whether there was no descriptor left.
    pub(super) fn lacks_descriptor(&self) -> bool {
        let errno = self.said.as_ref().and_then(Errno::from_io_error);
        matches!(errno, Some(Errno::MFILE | Errno::NFILE))
    }
}

/// The outcome of a call whose failure tells something too, unless there was no descriptor for it: that
/// tells nothing of what was looked at.
pub(super) fn outcome<T>(result: Result<T, Failed>) -> Result<Result<T, ErrorCode>, Failed> {
    match result {
        Err(failed) if failed.lacks_descriptor() => Err(failed.on_open()),
        result => Ok(result.map_err(|failed| failed.code)),
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Failed { code: ErrorCode::from(&error), said: Some(error), call: None }
    }
}

impl From<Errno> for Failed {
    fn from(errno: Errno) -> Self {
        Failed::from(io::Error::from(errno))
    }
}

impl From<ErrorCode> for Failed {
    fn from(code: ErrorCode) -> Self {
        Failed { code, said: None, call: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_descriptors_is_no_outcome() {
        for errno in [Errno::MFILE, Errno::NFILE] {
            assert!(
                outcome::<()>(Err(errno.into())).is_err_and(|failed| failed.lacks_descriptor())
            );
        }
        assert!(matches!(outcome::<()>(Err(Errno::NOENT.into())), Ok(Err(ErrorCode::NoEntry))));
        assert!(matches!(outcome(Ok(1)), Ok(Ok(1))));
    }
}
