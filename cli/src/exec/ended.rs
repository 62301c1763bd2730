//! How a command ended, and what exit code that gives.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use super::manifest::End;
use super::received::PassedOn;
use super::signal;
use super::status::Status;

/// Added to the number of the signal that ended something.
const EXIT_SIGNAL: i32 = 128;

/// How long after such a signal any end but a good one is taken as the answer to it.
const CANCELLED_WITHIN: Duration = Duration::from_secs(10);

/// The command is over.
pub struct Ended {
    pub status: io::Result<ExitStatus>,
    pub at: Instant,
}

impl Ended {
    /// Whether it ended with anything but 0.
    pub fn is_bad(&self) -> bool {
        !self.status.as_ref().is_ok_and(ExitStatus::success)
    }

    /// What the manifest tells of it.
    pub fn end(&self, passed_on: &[PassedOn]) -> End {
        let failed = |exit_code, detail: String| {
            let mut asked = passed_on.iter().rev().filter(|on| signal::END.contains(&on.signal));
            let is_answer = |on: &&PassedOn| {
                exit_code_of(on.signal) == exit_code
                    || on
                        .at
                        .is_some_and(|at| self.at.saturating_duration_since(at) <= CANCELLED_WITHIN)
            };
            let cancelled_by = asked.find(is_answer).map(|on| on.signal);
            let detail = match cancelled_by {
                Some(signal) if exit_code_of(signal) != exit_code => {
                    format!("{detail}, after {}", signal::name(signal))
                }
                _ => detail,
            };
            End {
                status: if cancelled_by.is_some() { Status::Cancelled } else { Status::Failed },
                exit_code,
                detail: Some(detail),
                was_started: true,
            }
        };
        let status = match &self.status {
            Ok(status) => status,
            Err(error) => {
                return End {
                    status: Status::Failed,
                    exit_code: 1,
                    detail: Some(format!("cannot wait for the command: {error}")),
                    was_started: true,
                };
            }
        };
        if let Some(signal) = status.signal() {
            let detail = format!("killed by signal {}", signal::name(signal));
            return failed(exit_code_of(signal), detail);
        }
        match status.code().map(|code| u8::try_from(code & 0xff).unwrap_or(1)) {
            Some(0) => {
                End { status: Status::Succeeded, exit_code: 0, detail: None, was_started: true }
            }
            code => {
                let code = code.unwrap_or(1);
                failed(code, format!("exit code {code}"))
            }
        }
    }
}

/// What the end by a signal gives.
pub fn exit_code_of(signal: i32) -> u8 {
    u8::try_from(EXIT_SIGNAL + signal).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The end of a command with this status, some time after a signal.
    fn status(wait_status: i32, signal: i32, after: Duration) -> Status {
        let at = Instant::now();
        let ended = Ended { status: Ok(ExitStatus::from_raw(wait_status)), at: at + after };
        ended.end(&[PassedOn { signal, at: Some(at) }]).status
    }

    const fn code(code: i32) -> i32 {
        code << 8
    }

    #[test]
    fn any_bad_end_within_ten_seconds_of_a_signal_is_the_answer_to_it() {
        for signal in signal::END {
            for bad in [code(1), code(137), 9] {
                assert_eq!(status(bad, signal, 10 * SECOND), Status::Cancelled);
                assert_eq!(status(bad, signal, 11 * SECOND), Status::Failed);
            }
            assert_eq!(status(code(0), signal, SECOND), Status::Succeeded);
        }
    }

    #[test]
    fn an_end_that_names_the_signal_is_the_answer_however_late() {
        for signal in signal::END {
            assert_eq!(status(signal, signal, 3_600 * SECOND), Status::Cancelled);
            assert_eq!(status(code(128 + signal), signal, 3_600 * SECOND), Status::Cancelled);
        }
    }

    #[test]
    fn a_signal_that_asks_for_no_end_cancels_nothing() {
        let signal = signal_hook::consts::SIGUSR1;
        for end in [signal, code(128 + signal), code(1)] {
            assert_eq!(status(end, signal, SECOND), Status::Failed);
        }
    }
}
