//! An OCI registry of one's own, on loopback, for as long as it is held.

use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

const PROGRAM: &str = "docker-registry";

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
        let mut process = Command::new(PROGRAM)
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run {PROGRAM}: {error}"))?;
        let log = process.stderr.take();
        let mut registry = Self { process, log: None, address: String::new() };
        let mut lines = BufReader::new(log.ok_or("the registry has no log")?).lines();
        let mut last = String::new();
        for line in lines.by_ref().map_while(Result::ok) {
            if let Some(address) = address(&line) {
                registry.address = address.to_owned();
                // It would stand still if nobody read on.
                registry.log = Some(std::thread::spawn(move || lines.for_each(drop)));
                return Ok(registry);
            }
            last = line;
        }
        Err(format!("{PROGRAM} does not start: {last}"))
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
}
