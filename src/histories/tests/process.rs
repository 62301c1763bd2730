//! A process of its own on a shared disk, which can be stopped before or after any of its calls.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use futures::future::LocalBoxFuture;

use crate::error::Code;
use crate::storage::memory::{File, Memory};
use crate::storage::{Stat, Storage};

/// A process. While it is stopped none of its calls begins or ends.
pub struct Process {
    disk: Rc<Memory>,
    /// How many times a call has begun or ended.
    steps: Cell<u64>,
    stop_at: Cell<u64>,
    /// Whether calls for summaries, which are no part of the lock's protocol, are stopped at too.
    stops_at_summaries: bool,
    stopped: RefCell<Vec<Waker>>,
}

impl Process {
    /// A process that stops before or after its calls number `stop_at / 2`.
    pub fn new(disk: &Rc<Memory>, stop_at: u64) -> Rc<Self> {
        Rc::new(Process::stopping(disk, stop_at, false))
    }

    /// The same, for calls in the task's directory of runs too.
    pub fn new_everywhere(disk: &Rc<Memory>, stop_at: u64) -> Rc<Self> {
        Rc::new(Process::stopping(disk, stop_at, true))
    }

    fn stopping(disk: &Rc<Memory>, stop_at: u64, stops_at_summaries: bool) -> Self {
        Process {
            disk: disk.clone(),
            steps: Cell::default(),
            stop_at: Cell::new(stop_at),
            stops_at_summaries,
            stopped: RefCell::default(),
        }
    }

    /// How many places there are to stop at so far.
    pub fn steps(&self) -> u64 {
        self.steps.get()
    }

    /// Whether it has come to where it stops.
    pub fn is_stopped(&self) -> bool {
        self.steps.get() >= self.stop_at.get()
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.stop_at.set(u64::MAX);
        self.stopped.take().into_iter().for_each(Waker::wake);
        self.disk.settle();
    }

    async fn step(&self) {
        self.steps.set(self.steps.get() + 1);
        self.run().await;
    }

    /// Waits while the process is stopped.
    async fn run(&self) {
        poll_fn(|context| {
            if self.is_stopped() {
                self.stopped.borrow_mut().push(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }

    async fn call<T>(&self, path: &str, call: impl Future<Output = T>) -> T {
        let is_of_summary = !self.stops_at_summaries && path.starts_with(".runs/task/");
        if is_of_summary {
            self.run().await
        } else {
            self.step().await
        }
        let result = call.await;
        if is_of_summary {
            self.run().await
        } else {
            self.step().await
        }
        result
    }
}

impl Storage for Process {
    type Dir = String;
    type File = File;

    async fn open_dir(&self, path: &str) -> Result<String, Code> {
        self.call(path, self.disk.open_dir(path)).await
    }

    async fn open_subdir(&self, dir: &String, name: &str) -> Result<String, Code> {
        self.call(dir, self.disk.open_subdir(dir, name)).await
    }

    async fn create_dir(&self, path: &str) -> Result<(), Code> {
        self.call(path, self.disk.create_dir(path)).await
    }

    async fn create_file(&self, dir: &String, name: &str) -> Result<File, Code> {
        self.call(dir, self.disk.create_file(dir, name)).await
    }

    async fn write(&self, file: &File, content: Vec<u8>) -> Result<(), Code> {
        self.call(&file.path, self.disk.write(file, content)).await
    }

    async fn sync_data(&self, file: &File) -> Result<(), Code> {
        self.call(&file.path, self.disk.sync_data(file)).await
    }

    async fn sync_dir(&self, dir: &String) -> Result<(), Code> {
        self.call(dir, self.disk.sync_dir(dir)).await
    }

    async fn rename(&self, dir: &String, from: &str, to: &str) -> Result<(), Code> {
        self.call(dir, self.disk.rename(dir, from, to)).await
    }

    async fn move_dir(&self, from: (&String, &str), to: (&String, &str)) -> Result<(), Code> {
        self.call(from.0, self.disk.move_dir(from, to)).await
    }

    async fn remove_dir(&self, dir: &String, name: &str) -> Result<(), Code> {
        self.call(dir, self.disk.remove_dir(dir, name)).await
    }

    async fn remove(&self, dir: &String, name: &str) -> Result<(), Code> {
        self.call(dir, self.disk.remove(dir, name)).await
    }

    async fn stat(&self, dir: &String, name: &str) -> Result<Stat, Code> {
        self.call(dir, self.disk.stat(dir, name)).await
    }

    async fn read(&self, dir: &String, name: &str, limit: u64) -> Result<Vec<u8>, Code> {
        self.call(dir, self.disk.read(dir, name, limit)).await
    }

    async fn list(&self, dir: &String) -> Result<Vec<String>, Code> {
        self.call(dir, self.disk.list(dir)).await
    }

    fn monotonic_ns(&self) -> u64 {
        self.disk.monotonic_ns()
    }

    async fn sleep_until(&self, at_ns: u64) {
        self.disk.sleep_until(at_ns).await;
        self.run().await;
    }

    fn wall_clock(&self) -> Duration {
        self.disk.wall_clock()
    }

    fn random(&self) -> u64 {
        self.disk.random()
    }

    async fn yield_now(&self) {
        self.disk.yield_now().await;
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.disk.spawn(task);
    }
}
