//! `wkg`, which brings WebAssembly to registries and back.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How to get it, at a version that has been tried.
const INSTALL: &str = "cargo install wkg --version 0.16.1 --locked --root target/tools";

/// The program, and the registry that it talks to.
pub struct Wkg {
    program: PathBuf,
    registry: String,
}

impl Wkg {
    /// The one in `target/tools`, or else the one on the path. The repository begins with the
    /// registry's host.
    pub fn find(workspace: &Path, repository: &str) -> Self {
        let own = workspace.join("target").join("tools").join("bin").join("wkg");
        let program = if own.is_file() { own } else { PathBuf::from("wkg") };
        let registry = repository.split('/').next().unwrap_or_default().to_owned();
        Self { program, registry }
    }

    /// Whether it can be run at all.
    pub fn ready(&self) -> Result<(), String> {
        self.run(Command::new(&self.program).arg("--version")).map(drop)
    }

    /// Push a file under a reference such as `localhost:5000/tandem:0.1.0`, and tell the digest by
    /// which it can be had for ever.
    pub fn push(&self, reference: &str, file: &Path) -> Result<String, String> {
        let answer = self.run(self.oci("push").arg(reference).arg(file))?;
        let digest = digest(&answer);
        digest.ok_or_else(|| format!("wkg tells no digest for {reference}: it says {answer:?}"))
    }

    /// Pull what has the reference, such as `localhost:5000/tandem@sha256:...`, into a file.
    pub fn pull(&self, reference: &str, file: &Path) -> Result<(), String> {
        self.run(self.oci("pull").arg(reference).arg("--output").arg(file)).map(drop)
    }

    fn oci(&self, action: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["oci", action]);
        if is_loopback(&self.registry) {
            command.args(["--insecure", &self.registry]);
        }
        command
    }

    fn run(&self, command: &mut Command) -> Result<String, String> {
        let output = match command.stdin(Stdio::null()).stderr(Stdio::inherit()).output() {
            Ok(output) => output,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(format!("there is no wkg: run `{INSTALL}`"));
            }
            Err(error) => return Err(format!("cannot run {}: {error}", self.program.display())),
        };
        if !output.status.success() {
            let action = command.get_args().map(|word| word.display().to_string());
            let action = action.collect::<Vec<_>>().join(" ");
            return Err(format!("`wkg {action}` fails: see its messages"));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Only there a registry may be without TLS.
fn is_loopback(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    ["localhost", "127.0.0.1", "[::1]"].contains(&host)
}

fn digest(answer: &str) -> Option<String> {
    let digest = answer.lines().find_map(|line| line.strip_prefix("digest: "))?;
    digest.starts_with("sha256:").then(|| digest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_read_from_what_a_push_says() {
        let answer = "pushed: localhost:5000/tandem:0.1.0\ndigest: sha256:00ff\n";
        assert_eq!(digest(answer).as_deref(), Some("sha256:00ff"));
        assert_eq!(digest("pushed: localhost:5000/tandem:0.1.0\ndigest: 0.1.0\n"), None);
    }

    #[test]
    fn only_a_registry_on_loopback_goes_without_tls() {
        for registry in ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000"] {
            assert!(is_loopback(registry), "{registry}");
        }
        for registry in ["registry.example", "localhost.example:5000", "127.0.0.1.example"] {
            assert!(!is_loopback(registry), "{registry}");
        }
    }
}
