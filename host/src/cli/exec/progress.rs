//! A progress line on a terminal, out of the way of the command's output.
//!
//! The line may stand only where a line of output begins, and must be gone before output goes on.
//! Progress libraries draw again after each output, even in the middle of a line of it.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(120);
const FRAMES: [char; 8] = ['⠋', '⠙', '⠸', '⠴', '⠦', '⠇', '⠏', '⠛'];
/// Back to the start of the terminal's line, and erase it.
const ERASE: &str = "\r\x1b[2K";
/// The width of a terminal that does not tell it.
const WIDTH: usize = 80;

/// The line, if standard error is a terminal.
pub struct Progress {
    line: Option<Arc<Mutex<Line>>>,
    /// Its end ends the thread that draws.
    ticking: Mutex<Option<Sender<()>>>,
}

struct Line {
    text: String,
    start: Instant,
    frame: usize,
    is_drawn: bool,
    /// Whether the output so far ends in the middle of a line.
    is_in_line: bool,
}

impl Progress {
    /// Starts the line with a text that names the run.
    pub fn start(text: String) -> Self {
        if !io::stderr().is_terminal() {
            return Progress { line: None, ticking: Mutex::new(None) };
        }
        let start = Instant::now();
        let line = Line { text, start, frame: 0, is_drawn: false, is_in_line: false };
        let line = Arc::new(Mutex::new(line));
        let (ticking, ended) = channel();
        let drawn = line.clone();
        thread::spawn(move || {
            while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                lock(&drawn).draw();
            }
        });
        Progress { line: Some(line), ticking: Mutex::new(Some(ticking)) }
    }

    /// Writes output by `write`, with the line out of the way.
    pub fn pass(&self, piece: &[u8], write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let Some(line) = &self.line else { return write() };
        let mut line = lock(line);
        line.erase();
        line.is_in_line = piece.last() != Some(&b'\n');
        write()
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

impl Line {
    fn draw(&mut self) {
        if self.is_in_line {
            return;
        }
        self.frame = (self.frame + 1) % FRAMES.len();
        let seconds = self.start.elapsed().as_secs();
        let line = format!("{} {seconds} s  {}", FRAMES[self.frame], self.text);
        // One column stays free: a full line would move the cursor to the next.
        let shown: String = line.chars().take(width().saturating_sub(1)).collect();
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
    let _ = io::stderr().write_all(text.as_bytes());
}

fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stderr());
    size.ok().map(|size| usize::from(size.ws_col)).filter(|&width| width > 0).unwrap_or(WIDTH)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind it is whole after every step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
