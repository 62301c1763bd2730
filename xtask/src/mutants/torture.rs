//! One run of `tandem torture` on a component.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

const SEED: &str = "1";
/// After so many states without a violation a mutant has survived.
const STATES: &str = "300000";
/// A mutant that is still under way then goes round in circles.
const TIME_MAX: Duration = Duration::from_secs(30 * 60);
const POLL_PERIOD: Duration = Duration::from_millis(20);

/// What the run told.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// How many states it has tried.
    pub states: u64,
    /// The first violation, if there was one.
    pub violation: Option<String>,
}

/// Runs it. An error says why it tells nothing about the component.
pub fn run(program: &Path, component: &Path) -> Result<Found, String> {
    let mut child = Command::new(program)
        .args(["torture", "--seed", SEED, "--states", STATES, "--json", "--component"])
        .arg(component)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    let pipe = child.stdout.take();
    // Read all the time, so that it never waits for a reader.
    let reader = std::thread::spawn(move || {
        let mut told = Vec::new();
        pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut told)).map(|_| told)
    });
    let end = Instant::now() + TIME_MAX;
    let failed = |error| format!("cannot wait for `tandem torture`: {error}");
    let status = loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            break status;
        }
        if Instant::now() >= end {
            child.kill().and_then(|()| child.wait()).map_err(failed)?;
            let minutes = TIME_MAX.as_secs() / 60;
            return Err(format!("`tandem torture` does not end within {minutes} minutes"));
        }
        std::thread::sleep(POLL_PERIOD);
    };
    let told = reader.join().map_err(|_| String::from("the reader of `tandem torture` is gone"))?;
    let told = told.map_err(|error| format!("cannot read from `tandem torture`: {error}"))?;
    read(status.code(), &String::from_utf8_lossy(&told))
        .ok_or_else(|| format!("`tandem torture` tells no result: {status}"))
}

/// What is needed of its JSON.
#[derive(Deserialize)]
struct Told {
    states: u64,
    violations: u64,
    first: Option<String>,
}

/// The result, if the exit code and the last line agree on one.
fn read(code: Option<i32>, told: &str) -> Option<Found> {
    let told: Told = serde_json::from_str(told.trim_end().lines().next_back()?).ok()?;
    let violation = match (code?, told.violations) {
        (0, 0) => None,
        (1, 1..) => Some(told.first?),
        _ => return None,
    };
    Some(Found { states: told.states, violation })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_and_the_exit_code_tell_the_result() {
        let clean = r#"{"states":7,"violations":0,"first":null}"#;
        let broken = r#"{"states":8,"violations":2,"first":"lost"}"#;
        assert_eq!(
            read(Some(0), &format!("noise\n{clean}\n")),
            Some(Found { states: 7, violation: None })
        );
        assert_eq!(
            read(Some(1), &format!("{broken}\n")),
            Some(Found { states: 8, violation: Some("lost".to_owned()) })
        );
        // One that could not run, died, or contradicts itself has found nothing.
        for (code, told) in [
            (Some(125), clean),
            (Some(101), broken),
            (None, broken),
            (Some(0), broken),
            (Some(1), clean),
            (Some(1), ""),
            (Some(1), "noise"),
            (Some(1), r#"{"states":8,"violations":2}"#),
        ] {
            assert_eq!(read(code, told), None, "{code:?} {told}");
        }
    }
}
