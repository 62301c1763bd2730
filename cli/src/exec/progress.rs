//! A progress line on a terminal, out of the way of the command's output.
//!
//! The line may stand only where a line of output begins, and must be gone before output goes on.
//! Progress libraries draw again after each output, even in the middle of a line of it.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::columns::beginning;
use crate::terminal::{is_foreground, moves_cursor};
use crate::waiting;

const TICK: Duration = Duration::from_millis(120);
const FRAMES: [char; 8] = ['⠋', '⠙', '⠸', '⠴', '⠦', '⠇', '⠏', '⠛'];
/// Back to the start of the terminal's line, and erase it.
const ERASE: &str = "\r\x1b[2K";
/// The width of a terminal that does not tell it.
const WIDTH: usize = 80;

/// The line, if standard error is a terminal that can erase it.
pub struct Progress {
    line: Option<Arc<Mutex<ProgressLine>>>,
    /// What it shows. It can be changed while the line waits for its terminal.
    text: Arc<Mutex<String>>,
    /// Its end ends the thread that draws.
    ticking: Mutex<Option<Sender<()>>>,
}

struct ProgressLine {
    text: Arc<Mutex<String>>,
    start: Instant,
    frame: usize,
    is_drawn: bool,
    /// Whether the output so far ends in the middle of a line.
    is_in_line: bool,
    /// Pieces of output that are being written.
    writing: usize,
}

impl Progress {
    /// Starts the line with a text that names the run, if it `is_wanted`.
    pub fn start(text: String, is_wanted: bool) -> Self {
        let start = Instant::now();
        let text = Arc::new(Mutex::new(text));
        let line = ProgressLine {
            text: text.clone(),
            start,
            frame: 0,
            is_drawn: false,
            is_in_line: false,
            writing: 0,
        };
        let line = Arc::new(Mutex::new(line));
        let (ticking, ended) = channel();
        let drawn = line.clone();
        let is_shown = is_wanted
            && io::stderr().is_terminal()
            && moves_cursor()
            // Without a thread there is no line.
            && thread::Builder::new()
                .name("progress".into())
                .spawn(move || {
                    while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                        lock(&drawn).draw();
                    }
                })
                .is_ok();
        if is_shown {
            Progress { line: Some(line), text, ticking: Mutex::new(Some(ticking)) }
        } else {
            Progress::none()
        }
    }

    /// No line.
    pub fn none() -> Self {
        Progress { line: None, text: Arc::default(), ticking: Mutex::new(None) }
    }

    /// Whether there is a line.
    pub fn is_shown(&self) -> bool {
        self.line.is_some()
    }

    /// Writes output by `write`, with the line out of the way. Nothing is locked meanwhile: a
    /// reader that does not read holds up nobody but its own output.
    pub fn pass(&self, piece: &[u8], write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let Some(line) = &self.line else { return write() };
        {
            let mut line = lock(line);
            line.erase();
            line.writing += 1;
        }
        let result = write();
        let mut line = lock(line);
        line.writing -= 1;
        line.is_in_line = piece.last() != Some(&b'\n');
        result
    }

    /// Writes a message, a whole line, on standard error.
    pub fn tell(&self, message: impl FnOnce()) {
        // The message itself is all that can go wrong.
        let _ = self.pass(b"\n", || {
            message();
            Ok(())
        });
    }

    /// Shows another text from now on.
    pub fn rename(&self, text: String) {
        *lock(&self.text) = text;
    }

    /// Ends the line and removes it.
    pub fn end(&self) {
        drop(lock(&self.ticking).take());
        if let Some(line) = &self.line {
            let mut line = lock(line);
            line.erase();
            // A tick that is under way draws no more.
            line.is_in_line = true;
        }
    }
}

impl ProgressLine {
    fn draw(&mut self) {
        // Who has stopped the terminal (Ctrl-S) sees nothing new, and nobody waits for that.
        if self.is_in_line
            || self.writing > 0
            || !is_foreground(io::stderr())
            || !waiting::has_room(io::stderr())
        {
            return;
        }
        self.frame = (self.frame + 1) % FRAMES.len();
        let seconds = self.start.elapsed().as_secs();
        let line = format!("{} {seconds} s  {}", FRAMES[self.frame], lock(&self.text));
        // One column stays free: a full line would move the cursor to the next.
        let shown = beginning(&line, width().saturating_sub(1));
        show(&format!("{ERASE}{shown}"));
        self.is_drawn = true;
    }

    fn erase(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            show(ERASE);
        }
    }
}

/// A terminal that cannot be written to shows no progress.
fn show(text: &str) {
    let _ = waiting::stderr().write_all(text.as_bytes());
}

fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stderr());
    size.ok().map(|size| usize::from(size.ws_col)).filter(|&width| width > 0).unwrap_or(WIDTH)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind it is whole after every step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
