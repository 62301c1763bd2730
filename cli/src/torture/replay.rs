//! The command that finds a violation again.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use tandem_simulator::sim::Model;

use super::played::Played;

/// What it needs besides the seed and the unit.
pub struct Replay<'a> {
    /// The one model that the run was given.
    pub model: Option<Model>,
    /// What was played.
    pub played: Played,
    /// The component that the run was given.
    pub component: Option<&'a Path>,
}

impl Replay<'_> {
    /// The command, as one types it in a shell.
    pub fn command(&self, seed: u64, unit: u64) -> String {
        let mut command = format!("tandem torture --seed {seed} --unit {unit}");
        if let Some(model) = self.model {
            command.push_str(&format!(" --model {}", model.name));
        }
        if let Some(option) = self.played.option() {
            command.push_str(&format!(" {option}"));
        }
        if let Some(component) = self.component {
            command.push_str(&format!(" --component {}", quoted(component)));
        }
        command
    }
}

fn quoted(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    // A path with a NUL cannot be quoted, nor read.
    let word = shlex::bytes::try_quote(bytes).unwrap_or(bytes.into());
    String::from_utf8_lossy(&word).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_what_the_run_was_given_and_no_more() {
        let replay = Replay { model: None, played: Played::Files, component: None };
        assert_eq!(replay.command(7, 12), "tandem torture --seed 7 --unit 12");
        let replay = Replay {
            model: Model::find("xfs"),
            played: Played::Blocking,
            component: Some(Path::new("it's a/build;.wasm")),
        };
        let words = shlex::split(&replay.command(u64::MAX, 0)).unwrap();
        assert_eq!(
            words,
            [
                "tandem",
                "torture",
                "--seed",
                "18446744073709551615",
                "--unit",
                "0",
                "--model",
                "xfs",
                "--blocking",
                "--component",
                "it's a/build;.wasm"
            ]
        );
    }
}
