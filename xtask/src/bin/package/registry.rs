//! An OCI registry of one's own, on loopback, for as long as it is held.

use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

const PROGRAM: &str = "docker-registry";

/// A registry listens in far less.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Whether the program is there.
pub fn ready() -> Result<(), String> {
    let status = Command::new(PROGRAM).arg("--version").stdout(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{PROGRAM} does not work: it ends with {status}")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(format!("there is no {PROGRAM}: install Debian's package of that name"))
        }
        Err(error) => Err(format!("cannot run {PROGRAM}: {error}")),
    }
}

/// A running registry. Dropping it stops it.
pub struct Registry {
    process: Child,
    log: Option<JoinHandle<()>>,
    /// Such as `127.0.0.1:39063`.
    pub address: String,
}

impl Registry {
    /// Start one that keeps its files in the directory, on a port that the system chooses.
    pub fn start(dir: &Path) -> Result<Self, String> {
        let config = dir.join("config.json");
        // It reads YAML, of which JSON is a part.
        let text = serde_json::json!({
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": dir.join("storage")}},
            "http": {"addr": "127.0.0.1:0"},
        });
        std::fs::write(&config, text.to_string())
            .map_err(|error| format!("cannot write {}: {error}", config.display()))?;
        Self::run(Command::new(PROGRAM).arg("serve").arg(&config), START_LIMIT)
    }

    /// Start a registry, and wait until its log tells where it listens.
    fn run(command: &mut Command, limit: Duration) -> Result<Self, String> {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run {PROGRAM}: {error}"))?;
        let log = process.stderr.take();
        let mut registry = Self { process, log: None, address: String::new() };
        let log = log.ok_or_else(|| format!("{PROGRAM} has no log"))?;
        let (sender, receiver) = mpsc::channel();
        registry.log = Some(std::thread::spawn(move || {
            let (mut last, mut listens) = (String::new(), false);
            // To the end: it would stand still if nobody read on.
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                if let Some(address) = address(&line)
                    && !listens
                {
                    listens = true;
                    // Nobody waits for what comes too late.
                    let _ = sender.send(Ok(address.to_owned()));
                }
                last = line;
            }
            let _ = sender.send(Err(last));
        }));
        registry.address = match receiver.recv_timeout(limit) {
            Ok(Ok(address)) => address,
            Ok(Err(last)) => return Err(format!("{PROGRAM} does not start: {last}")),
            Err(RecvTimeoutError::Timeout) => {
                let limit_s = limit.as_secs();
                return Err(format!("{PROGRAM} does not listen after seconds: {limit_s}"));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(format!("the log of {PROGRAM} cannot be read"));
            }
        };
        Ok(registry)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It fails if the registry is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some(log) = self.log.take() {
            let _ = log.join();
        }
    }
}

/// Where the registry listens, if this line of its log says so.
fn address(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("listening on ")?;
    rest.split(['"', ' ']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_tells_where_the_registry_listens() {
        let line = r#"time="2026" level=info msg="listening on 127.0.0.1:39063" version=2.8"#;
        assert_eq!(address(line), Some("127.0.0.1:39063"));
        assert_eq!(address(r#"level=info msg="redis not configured""#), None);
    }

    /// A shell in the place of a registry.
    fn start(script: &str, limit: Duration) -> Result<Registry, String> {
        Registry::run(Command::new("sh").args(["-c", script]), limit)
    }

    #[test]
    fn a_registry_that_does_not_listen_is_an_error() {
        let error = start("exec sleep 3600", Duration::ZERO).err().unwrap();
        assert!(error.contains("does not listen"), "{error}");
    }

    #[test]
    fn a_registry_that_ends_is_an_error_with_its_last_words() {
        let error = start("echo first >&2; echo no disk >&2", START_LIMIT).err().unwrap();
        assert!(error.ends_with("does not start: no disk"), "{error}");
    }

    #[test]
    fn a_registry_that_listens_is_stopped_when_dropped() {
        let script = "echo 'listening on 127.0.0.1:1' >&2; exec sleep 3600";
        let registry = start(script, START_LIMIT).unwrap();
        assert_eq!(registry.address, "127.0.0.1:1");
    }
}
