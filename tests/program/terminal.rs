//! What the program shows on a terminal.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::Signal;
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

use crate::support::{
    Guarded, before_start, history_path, kill, tandem, wait_for, with_default_signals,
};

/// A command on a terminal of its own.
pub struct Terminal {
    pub child: Guarded,
    /// The side of whoever sits there.
    pub own: File,
    /// The child's side, as it was before the child.
    pub before: Termios,
    /// That side does not go before the test has seen it.
    held: File,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

impl Terminal {
    pub fn start(command: &mut Command, term: Option<&str>) -> Self {
        Terminal::start_sized(command, term, (24, 80))
    }

    /// The same with a number of rows and columns.
    pub fn start_sized(command: &mut Command, term: Option<&str>, size: (u16, u16)) -> Self {
        // SAFETY: the descriptor is new.
        let own = unsafe {
            OwnedFd::from_raw_fd(libc::posix_openpt(
                libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC,
            ))
        };
        let name = unlocked(&own);
        let open = || {
            // It is not to become that of the tests.
            let flags = libc::O_NOCTTY;
            File::options().read(true).write(true).custom_flags(flags).open(&name).unwrap()
        };
        let held = open();
        let (ws_row, ws_col) = size;
        tcsetwinsize(&held, Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let before = tcgetattr(&held).unwrap();
        match term {
            Some(term) => command.env("TERM", term),
            None => command.env_remove("TERM"),
        };
        before_start(command.stdin(open()).stdout(open()).stderr(open()), || {
            // SAFETY: system calls alone. The terminal becomes that of a new session.
            unsafe {
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY, 0);
            }
        });
        let child = Guarded::spawn(command);
        // Its ends of the terminal go, so that the child's end is the terminal's.
        *command = Command::new("true");
        let shown = Arc::new(Mutex::new(Vec::new()));
        let into = shown.clone();
        let own = File::from(own);
        let mut read = own.try_clone().unwrap();
        let reader = thread::spawn(move || {
            let mut piece = [0; 4096];
            // It ends with an error when nobody has the terminal any more.
            while let Ok(bytes @ 1..) = read.read(&mut piece) {
                into.lock().unwrap().extend(&piece[..bytes]);
            }
        });
        Terminal { child, own, before, held, shown, reader }
    }

    /// Presses these keys.
    pub fn press(&mut self, keys: &str) {
        self.own.write_all(keys.as_bytes()).unwrap();
    }

    pub fn shows(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// All that was shown.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    pub fn resize(&self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.own, size).unwrap();
    }

    /// All that was shown until the end.
    pub fn end(mut self) -> String {
        self.child.wait();
        drop(self.held);
        self.reader.join().unwrap();
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }
}

/// The name of the other side.
fn unlocked(own: &OwnedFd) -> String {
    use std::os::fd::AsRawFd;
    let mut name = [0; 128];
    // SAFETY: the buffer is as long as is told.
    unsafe {
        assert_eq!(libc::grantpt(own.as_raw_fd()), 0);
        assert_eq!(libc::unlockpt(own.as_raw_fd()), 0);
        assert_eq!(libc::ptsname_r(own.as_raw_fd(), name.as_mut_ptr(), name.len()), 0);
        std::ffi::CStr::from_ptr(name.as_ptr()).to_str().unwrap().to_owned()
    }
}

const ERASE: &str = "\x1b[2K";
const ESCAPE: char = '\x1b';

/// A command that ends when there is a file `end`.
fn exec(root: &Path) -> Command {
    let mut exec = tandem(&["exec", "--task", "task", "--run", "run", "--heartbeat", "50"]);
    let script = "until [ -e end ]; do sleep 0.01; done; echo bye";
    exec.args(["--", "sh", "-c", script]).current_dir(root);
    exec
}

#[test]
fn the_progress_line_is_drawn_on_a_terminal_that_moves_its_cursor() {
    let root = tempfile::tempdir().unwrap();
    let terminal = Terminal::start(&mut exec(root.path()), Some("xterm"));
    wait_for("the progress line", || terminal.shows(ERASE) && terminal.shows("task/run"));
    fs::write(root.path().join("end"), "").unwrap();
    let shown = terminal.end();
    // While the end is kept a line may be drawn once more, and is erased.
    let (_, rest) = shown.rsplit_once("bye\r\n").unwrap();
    assert!(rest.is_empty() || rest.ends_with(ERASE), "{shown:?}");
}

#[test]
fn a_dumb_terminal_has_no_progress_line() {
    for term in [Some("dumb"), Some(""), None] {
        let root = tempfile::tempdir().unwrap();
        let terminal = Terminal::start(&mut exec(root.path()), term);
        // A line would have been drawn long before.
        let heartbeat = || fs::read(root.path().join(".runs/task/cli/run/.heartbeat")).ok();
        for _ in 0..10 {
            let seen = heartbeat();
            wait_for("a heartbeat", || heartbeat() != seen);
        }
        fs::write(root.path().join("end"), "").unwrap();
        assert_eq!(terminal.end(), "bye\r\n", "{term:?}");
    }
}

#[test]
fn the_progress_line_is_one_line_whatever_its_name_is_written_in() {
    let root = tempfile::tempdir().unwrap();
    let mut exec = exec(root.path());
    let run = "漢".repeat(40);
    let args: Vec<_> = exec.get_args().map(ToOwned::to_owned).collect();
    exec = tandem(&[]);
    exec.args(args.iter().map(|arg| if arg == "run" { run.as_ref() } else { arg.as_os_str() }));
    let columns = 40;
    let terminal =
        Terminal::start_sized(exec.current_dir(root.path()), Some("xterm"), (24, columns));
    wait_for("the progress line", || terminal.text().matches(ERASE).count() > 2);
    fs::write(root.path().join("end"), "").unwrap();
    let shown = terminal.end();
    let line = shown.split(ERASE).find(|line| line.contains('漢')).unwrap();
    let wide = line.matches('漢').count();
    let narrow = line.trim_end_matches('\r').chars().count() - wide;
    // One column stays free. As much as there is room for is shown.
    assert!((columns - 2..columns).contains(&((2 * wide + narrow) as u16)), "{shown:?}");
}

#[test]
fn a_terminal_that_is_stopped_holds_up_no_record() {
    let root = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    let script = "exec \"$0\" \"$@\" > /dev/null";
    let silent = "until [ -e end ]; do sleep 0.01; done";
    let exec = exec(root.path());
    let args: Vec<_> = exec.get_args().collect();
    shell.args(["-c", script, env!("CARGO_BIN_EXE_tandem")]);
    shell.args(&args[..args.len() - 1]).arg(silent);
    let mut terminal = Terminal::start(shell.current_dir(root.path()), Some("xterm"));
    wait_for("the progress line", || terminal.shows("task/run"));
    terminal.press("\x13");
    // The line would have been drawn meanwhile.
    let heartbeat = || fs::read(root.path().join(".runs/task/cli/run/.heartbeat")).ok();
    for _ in 0..10 {
        let seen = heartbeat();
        wait_for("a heartbeat", || heartbeat() != seen);
    }
    fs::write(root.path().join("end"), "").unwrap();
    wait_for("the record", || history_path(root.path(), "task").exists());
    terminal.press("\x11");
    assert!(terminal.end().ends_with(ERASE));
}

#[test]
fn a_dumb_terminal_has_what_is_watched_line_by_line() {
    with_default_signals();
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join(".runs/task/cli/run");
    fs::create_dir_all(&dir).unwrap();
    let write = |status: &str| {
        fs::write(dir.join("new"), format!("{{\"status\":\"{status}\"}}")).unwrap();
        fs::rename(dir.join("new"), dir.join("manifest.json")).unwrap();
    };
    write("queued");
    let mut status = tandem(&["status", "--watch"]);
    let terminal = Terminal::start(status.current_dir(root.path()), Some("dumb"));
    wait_for("a run", || terminal.shows("queued"));
    write("failed");
    wait_for("a change", || terminal.shows("failed"));
    kill(&terminal.child, Signal::TERM);
    let shown = terminal.end();
    assert!(!shown.contains(ESCAPE), "{shown:?}");
    assert_eq!(shown.lines().count(), 4, "{shown:?}");
}
