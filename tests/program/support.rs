//! Real processes that cannot hang a test, and what they leave on the disk.

use std::fs;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::ops::{Deref, DerefMut};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use serde_json::{Value, json};
use tempfile::TempDir;

/// No test needs as long; whatever takes longer hangs.
const LIMIT: Duration = Duration::from_secs(240);

/// Gives children the default actions of signals, even if these tests were started with signals
/// ignored, as `nohup` and background jobs are: what is ignored is inherited, a handler is not.
pub fn with_default_signals() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM] {
            // The tests themselves still end by these.
            let is_default = std::sync::Arc::new(true.into());
            signal_hook::flag::register_conditional_default(signal.as_raw(), is_default).unwrap();
        }
    });
}

/// Whoever is root is nobody special without its capabilities.
pub fn without_privileges(command: &Command) -> Command {
    if !rustix::process::geteuid().is_root() {
        let mut same = Command::new(command.get_program());
        same.args(command.get_args());
        return same;
    }
    let mut unprivileged = Command::new("setpriv");
    unprivileged.args(["--inh-caps=-all", "--bounding-set=-all"]);
    unprivileged.arg(command.get_program()).args(command.get_args());
    unprivileged
}

/// A child that is killed when it takes too long, or when its test ends before it.
pub struct Guarded {
    child: Child,
    /// Its end calls off the thread that would kill the child.
    watch: Option<Sender<()>>,
}

impl Guarded {
    pub fn spawn(command: &mut Command) -> Self {
        Guarded::spawn_within(command, LIMIT)
    }

    fn spawn_within(command: &mut Command, limit: Duration) -> Self {
        let child = command.spawn().unwrap();
        let (watch, ended) = channel();
        let pid = pid(&child);
        thread::spawn(move || {
            if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                eprintln!("a child hangs and is killed: {pid:?}");
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        Guarded { child, watch: Some(watch) }
    }

    /// Waits for the end of the child.
    pub fn wait(&mut self) -> ExitStatus {
        // The child is reaped only when nobody can kill its number any more.
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid(&self.child)), ended).unwrap();
        self.watch = None;
        self.child.wait().unwrap()
    }

    /// Ends the child's input and reads what it writes until it ends.
    pub fn output(mut self) -> Output {
        drop(self.stdin.take());
        let stdout = collect(self.stdout.take());
        let stderr = collect(self.stderr.take());
        let stdout = stdout.join().unwrap();
        Output { status: self.wait(), stdout, stderr: stderr.join().unwrap() }
    }
}

impl Deref for Guarded {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.child
    }
}

impl DerefMut for Guarded {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.child
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // Neither does anything to a child that has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Its number, as long as it has not been waited for.
pub fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

fn collect(from: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        if let Some(mut from) = from {
            from.read_to_end(&mut all).unwrap();
        }
        all
    })
}

/// A directory for the state of a test, whose task is `task`.
pub struct Root(TempDir);

impl Root {
    pub fn new() -> Self {
        Root(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn run_dir(&self, run: &str) -> PathBuf {
        self.path().join(".runs/task/cli").join(run)
    }

    /// `tandem exec` with these flags, which may end in a command.
    pub fn exec(&self, flags: &[&str]) -> Command {
        let mut exec = tandem(&["exec", "--task", "task", "--root"]);
        exec.arg(self.path()).args(flags);
        exec
    }
}

/// `tandem` with these arguments.
pub fn tandem(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.args(args);
    command
}

/// Runs a command without input to its end.
pub fn run(command: &mut Command) -> Output {
    run_within(command, LIMIT)
}

/// The same with another limit than [`LIMIT`].
pub fn run_within(command: &mut Command, limit: Duration) -> Output {
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Guarded::spawn_within(piped, limit).output()
}

/// Starts the command with one of the signals ignored.
pub fn ignoring(command: &mut Command, signal: Signal) -> &mut Command {
    before_start(command, move || {
        // SAFETY: no handler is set.
        unsafe { libc::signal(signal.as_raw(), libc::SIG_IGN) };
    })
}

/// Starts the command with one of the signals blocked.
pub fn blocking(command: &mut Command, signal: Signal) -> &mut Command {
    before_start(command, move || {
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: the first call initialises the set.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), signal.as_raw());
            libc::sigprocmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
        }
    })
}

/// Starts the command with a limit of the size of files.
pub fn with_file_limit(command: &mut Command, bytes: u64) -> &mut Command {
    before_start(command, move || {
        let limit = rustix::process::Rlimit { current: Some(bytes), maximum: None };
        let _ = rustix::process::setrlimit(rustix::process::Resource::Fsize, limit);
    })
}

/// A pipe that holds as little as the system lets it: how much others hold is not the same everywhere.
pub fn small_pipe() -> (PipeReader, PipeWriter) {
    let (reader, writer) = pipe().unwrap();
    #[cfg(target_os = "linux")]
    rustix::pipe::fcntl_setpipe_size(&writer, 1).unwrap();
    (reader, writer)
}

/// Whether a write would wait.
pub fn is_full(writer: &impl AsFd) -> bool {
    let mut polled = [PollFd::new(writer, PollFlags::OUT)];
    poll(&mut polled, Some(&Timespec::default())).unwrap() == 0
}

/// The flag is of the open file, so all who have it are concerned.
pub fn set_non_blocking(file: impl AsFd) {
    let flags = fcntl_getfl(&file).unwrap();
    fcntl_setfl(&file, flags | OFlags::NONBLOCK).unwrap();
}

/// A pipe in which there is room for nothing more, and how much is in it.
pub fn full_pipe() -> (PipeReader, PipeWriter, usize) {
    let (reader, mut writer) = small_pipe();
    set_non_blocking(&writer);
    let mut bytes = 0;
    while let Ok(written) = writer.write(&[b'x'; 4096]) {
        bytes += written;
    }
    let flags = fcntl_getfl(&writer).unwrap();
    fcntl_setfl(&writer, flags - OFlags::NONBLOCK).unwrap();
    (reader, writer, bytes)
}

/// Does what is async-signal-safe in the child, before it becomes the command.
pub fn before_start(
    command: &mut Command,
    step: impl Fn() + Send + Sync + 'static,
) -> &mut Command {
    // SAFETY: the callers here make system calls and nothing else.
    unsafe {
        command.pre_exec(move || {
            step();
            Ok(())
        })
    }
}

/// Sends a signal to a child that has not been waited for.
pub fn kill(child: &Guarded, signal: Signal) {
    kill_process(pid(child), signal).unwrap();
}

/// Sends a signal that may have no name.
pub fn send(pid: Pid, signal: i32) {
    // SAFETY: plain values.
    assert_eq!(unsafe { libc::kill(pid.as_raw_nonzero().get(), signal) }, 0);
}

/// The same to a group.
pub fn send_to_group(group: Pid, signal: i32) {
    // SAFETY: plain values.
    assert_eq!(unsafe { libc::kill(-group.as_raw_nonzero().get(), signal) }, 0);
}

/// Waits until a child, which leads a group, stands still.
pub fn wait_for_stop(child: &Child) {
    waitid(WaitId::Pid(pid(child)), WaitIdOptions::STOPPED).unwrap();
}

/// Text of a standard stream.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Checks for a failure that is told in one line.
pub fn assert_one_line(output: &Output, code: i32) -> String {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert_eq!(text(&output.stdout), "");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr
}

/// Names in a directory that are neither a manifest nor a heartbeat.
pub fn temp_files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "manifest.json" && name != ".heartbeat")
        .collect();
    names.sort();
    names
}

/// Waits until something that another process does has happened.
#[track_caller]
pub fn wait_for(what: &str, mut has_happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !has_happened() {
        assert!(start.elapsed() < LIMIT, "no {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Where a task's history is.
pub fn history_path(root: &Path, task: &str) -> PathBuf {
    root.join("out").join(task).join("runs.json")
}

/// A task's history, as its file has it.
pub fn history(root: &Path, task: &str) -> Value {
    serde_json::from_slice(&fs::read(history_path(root, task)).unwrap()).unwrap()
}

/// Takes the lock of a task's history as another program would that then stands still.
pub fn hold_lock(root: &Path, task: &str) -> PathBuf {
    let hour_ms = 3_600_000;
    let owner = json!({
        "version": 1,
        "token": "0f".repeat(16),
        "task_id": task,
        "acquired_at": "2026-01-06T00:27:16.820Z",
        "lease_ms": hour_ms,
    });
    let lock = root.join(".runs").join(format!("{task}.lock"));
    fs::create_dir_all(root.join(".runs")).unwrap();
    fs::write(&lock, format!("{owner}\n")).unwrap();
    lock
}
