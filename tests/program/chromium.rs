//! A real browser without a window, driven through two pipes: the DevTools protocol, each message ended
//! by a zero.

use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Write, pipe};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::fcntl_dupfd_cloexec;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Guarded, before_start, wait_for};

/// Where it reads what it is told, and writes what it tells.
const PIPES: [i32; 2] = [3, 4];
/// Above those, and above what a start has open.
const OUT_OF_THE_WAY: i32 = 20;

/// One at a time: each takes a hundred megabytes and more.
static ONE: Mutex<()> = Mutex::new(());

pub struct Chromium {
    child: Guarded,
    to: PipeWriter,
    from: BufReader<PipeReader>,
    session: Option<String>,
    last: u64,
    /// What the page complained of, and what it asked for.
    pub events: Vec<Value>,
    _profile: TempDir,
    _one: MutexGuard<'static, ()>,
}

/// Where the browser is.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut all = std::env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name)));
    all.find(|path| path.is_file())
}

impl Chromium {
    /// Nothing if there is no browser, which is told; where all has to be tested, it is a failure.
    pub fn start() -> Option<Self> {
        let Some(program) = program() else {
            let missing = "there is no chromium, so what needs a browser is left out";
            assert!(std::env::var_os("CI").is_none(), "{missing}");
            // Past what captures the output of tests.
            std::io::stderr().write_all(format!("{missing}\n").as_bytes()).unwrap();
            return None;
        };
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--remote-debugging-pipe",
            "--window-size=1280,800",
            "about:blank",
        ]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let (its_input, to) = pipe().unwrap();
        let (from, its_output) = pipe().unwrap();
        let its_input = fcntl_dupfd_cloexec(its_input, OUT_OF_THE_WAY).unwrap();
        let its_output = fcntl_dupfd_cloexec(its_output, OUT_OF_THE_WAY).unwrap();
        let ends = [its_input.as_raw_fd(), its_output.as_raw_fd()];
        before_start(&mut command, move || {
            for (end, pipe) in ends.into_iter().zip(PIPES) {
                // SAFETY: plain values.
                unsafe { libc::dup2(end, pipe) };
            }
        });
        let child = Guarded::spawn(&mut command);
        drop((its_input, its_output));
        let mut browser = Chromium {
            child,
            to,
            from: BufReader::new(from),
            session: None,
            last: 0,
            events: Vec::new(),
            _profile: profile,
            _one: one,
        };
        let targets = browser.call("Target.getTargets", json!({}))["targetInfos"].clone();
        let page = targets.as_array().unwrap().iter().find(|target| target["type"] == "page");
        let page = json!({"targetId": page.unwrap()["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", page);
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Makes a call, and gives its answer.
    #[track_caller]
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let mut told = Vec::new();
            self.from.read_until(0, &mut told).unwrap();
            assert_eq!(told.pop(), Some(0), "the browser ended");
            let mut told: Value = serde_json::from_slice(&told).unwrap();
            if told["id"] == self.last {
                assert!(told["error"].is_null(), "{method}: {}", told["error"]);
                return told["result"].take();
            }
            self.events.push(told);
        }
    }

    pub fn open(&mut self, address: &str) {
        self.call("Page.navigate", json!({"url": address}));
    }

    /// What an expression comes to in the page.
    #[track_caller]
    pub fn ask(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut answer = self.call("Runtime.evaluate", params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Waits until an expression holds in the page.
    #[track_caller]
    pub fn until(&mut self, expression: &str) {
        // A page that is about to be another one answers too, if only that there is no such thing.
        let asked = format!(
            "(() => {{ try {{ return Boolean({expression}) }} catch {{ return false }} }})()"
        );
        wait_for(expression, || self.ask(&asked) == true);
    }

    /// Presses a key, by its name in scripts.
    pub fn press(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            "PageUp" => 33,
            "PageDown" => 34,
            "End" => 35,
            "Home" => 36,
            "ArrowUp" => 38,
            "ArrowDown" => 40,
            _ => 0,
        };
        let text = match key {
            "Enter" => Some("\r"),
            key if key.chars().count() == 1 => Some(key),
            _ => None,
        };
        let mut params = json!({"key": key, "code": key, "windowsVirtualKeyCode": code});
        params["type"] = "keyUp".into();
        let up = params.clone();
        params["type"] = "keyDown".into();
        if let Some(text) = text {
            params["text"] = text.into();
        }
        self.call("Input.dispatchKeyEvent", params);
        self.call("Input.dispatchKeyEvent", up);
    }

    pub fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    pub fn resize(&mut self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// What was asked for over the network, by address.
    pub fn requests(&self) -> impl Iterator<Item = &str> {
        let sent = |event: &&Value| event["method"] == "Network.requestWillBeSent";
        let sent = self.events.iter().filter(sent);
        sent.filter_map(|event| event["params"]["request"]["url"].as_str())
    }

    /// What went wrong in the page: exceptions, refused scripts, dialogs.
    pub fn problems(&self) -> Vec<&Value> {
        let is_problem = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown" | "Page.javascriptDialogOpening") => true,
            // What a server does that ends is no fault of the page.
            Some("Log.entryAdded") => event["params"]["entry"]["source"] != "network",
            _ => false,
        };
        self.events.iter().filter(is_problem).collect()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Its other processes end with it, and with this pipe.
        let _ = self.child.kill();
    }
}
