//! What is taken back however this program ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// A script that runs when this is dropped, and also when this program is killed.
pub struct Undo(Child);

impl Undo {
    /// A shell that waits for the end of its input, and then runs the script with arguments.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn new(script: &str, arguments: &[String]) -> io::Result<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("cat >/dev/null; {script}"), "sh"]).args(arguments);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // An interrupt of the terminal is not for it.
        shell.process_group(0).spawn().map(Undo)
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // Nobody could do anything about it.
        drop(self.0.wait());
    }
}
