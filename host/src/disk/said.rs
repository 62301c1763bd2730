//! What the system said of a call that failed. WASI has only a code for it, so it goes beside the
//! answer, as errno goes beside a result: whoever has just been answered takes it, on the same thread.

use std::cell::Cell;
use std::io;

use super::ErrorCode;

/// What the system said of one call.
#[derive(Debug)]
pub(crate) struct Said {
    /// The system's name of what was to be done.
    pub step: &'static str,
    /// The system's name of the call that failed, which may be one on the way to that.
    pub call: &'static str,
    pub error: io::Error,
}

thread_local! {
    static LAST: Cell<Option<(ErrorCode, Said)>> = const { Cell::new(None) };
}

/// Leaves it for whoever gets this code as the answer.
pub(crate) fn tell(code: ErrorCode, said: Said) {
    LAST.set(Some((code, said)));
}

/// What was said of the call that has just been answered so. Nothing, if its disk tells nothing. What
/// was said during a call that went well is dropped: it would belong to a later failure.
pub(crate) fn take<T>(answer: &Result<T, ErrorCode>) -> Option<(ErrorCode, Said)> {
    let last = LAST.take();
    let code = answer.as_ref().err();
    last.filter(|(of, _)| Some(of) == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_belongs_to_the_call_that_is_answered() {
        let tell = || {
            let error = io::Error::from_raw_os_error(5);
            super::tell(ErrorCode::Io, Said { step: "read", call: "read", error });
        };
        tell();
        assert!(take::<()>(&Err(ErrorCode::Io)).is_some());
        for other in [Ok(()), Err(ErrorCode::Access)] {
            tell();
            assert!(take(&other).is_none());
            assert!(take::<()>(&Err(ErrorCode::Io)).is_none());
        }
    }
}
