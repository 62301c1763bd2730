//! One run of `tandem torture`.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::Deserialize;

const SEED: &str = "1";
/// A mutant that is still under way then goes round in circles.
pub(super) const TIME_MAX: Duration = Duration::from_secs(30 * 60);

/// What is played, and by which program.
#[derive(Clone)]
pub enum Played {
    Component {
        program: PathBuf,
        component: PathBuf,
    },
    /// Hosts over a store, as the program has them.
    Documents {
        program: PathBuf,
    },
}

/// What the run told.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// How many states it has tried.
    pub states: u64,
    /// The first violation, if there was one.
    pub violation: Option<String>,
}

/// Runs it until so many states were tried, or a violation was found. An error says why it tells
/// nothing about the component.
pub fn run(played: &Played, states: u64) -> Result<Found, String> {
    let mut command = Command::new(match played {
        Played::Component { program, .. } | Played::Documents { program } => program,
    });
    command.args(["torture", "--json", "--seed", SEED, "--states", &states.to_string()]);
    match played {
        Played::Component { component, .. } => command.arg("--component").arg(component),
        Played::Documents { .. } => command.arg("--documents"),
    };
    let (status, told) = output(command, TIME_MAX)?;
    read(status.code(), &String::from_utf8_lossy(&told))
        .ok_or_else(|| format!("`tandem torture` tells no result: {status}"))
}

/// What a program writes to standard output, and how it ended. One that takes too long is killed.
pub(super) fn output(
    mut command: Command,
    time_max: Duration,
) -> Result<(ExitStatus, Vec<u8>), String> {
    let program = command.get_program().display().to_string();
    let failed = |error| format!("cannot wait for {program}: {error}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    let pipe = child.stdout.take();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut all = Vec::new();
        let result = pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut all)).map(|_| all);
        // Whoever has stopped waiting needs it no more.
        let _ = tell.send(result);
    });
    // Its output ends when it ends.
    let problem = match told.recv_timeout(time_max) {
        Ok(Ok(told)) => return child.wait().map(|status| (status, told)).map_err(failed),
        Ok(Err(error)) => format!("cannot read from {program}: {error}"),
        Err(_) => format!("{program} does not end within {} s", time_max.as_secs()),
    };
    child.kill().and_then(|()| child.wait()).map_err(failed)?;
    Err(problem)
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

    #[cfg(unix)]
    #[test]
    fn a_program_is_heard_to_its_end_or_killed() {
        let mut echo = Command::new("sh");
        echo.args(["-c", "printf 'a\\nb'; exit 3"]);
        let (status, told) = output(echo, TIME_MAX).expect("it ends");
        assert_eq!((status.code(), &*told), (Some(3), &b"a\nb"[..]));

        let mut hangs = Command::new("sleep");
        hangs.arg("1000");
        let message = output(hangs, Duration::from_millis(1)).err();
        assert_eq!(message.as_deref(), Some("sleep does not end within 0 s"));
    }

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
