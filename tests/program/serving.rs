//! `tandem serve` as a browser sees it: requests, answers and events.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Guarded, tandem};

/// A server on a port of its own.
pub struct Served {
    pub child: Guarded,
    /// With the port.
    pub address: String,
}

impl Served {
    pub fn start(root: &Path) -> Self {
        Served::start_with(root, &[])
    }

    pub fn start_with(root: &Path, args: &[&str]) -> Self {
        Served::of(serve(root, "127.0.0.1:0").args(args))
    }

    pub fn of(command: &mut Command) -> Self {
        crate::support::with_default_signals();
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Guarded::spawn(piped);
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let address = line.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/\n"));
        Served {
            address: address.unwrap_or_else(|| panic!("no address: {line:?}")).to_owned(),
            child,
        }
    }

    /// Sends bytes, and reads what comes until the other end closes.
    pub fn send(&self, request: &str) -> Reply {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        Reply::read(&all)
    }

    pub fn ask(&self, method: &str, path: &str, headers: &str) -> Reply {
        // Answers to requests of this version end with the connection, and have no other frame.
        let host = &self.address;
        self.send(&format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\n{headers}\r\n"))
    }

    pub fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, "")
    }

    /// Everything, then what changes.
    pub fn events(&self) -> Events {
        self.events_with("")
    }

    pub fn events_with(&self, headers: &str) -> Events {
        self.events_at("/api/events", headers)
    }

    pub fn events_at(&self, path: &str, headers: &str) -> Events {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let host = &self.address;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        while !matches!(&*line, "\r\n" | "") {
            line.clear();
            reader.read_line(&mut line).unwrap();
        }
        Events { reader, status }
    }
}

/// `tandem serve` of a root.
pub fn serve(root: &Path, listen: &str) -> Command {
    let mut command = tandem(&["serve", "--listen", listen, "--root"]);
    command.arg(root);
    command
}

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Reply {
    fn read(all: &[u8]) -> Self {
        let all = String::from_utf8(all.to_vec()).unwrap();
        let (head, body) = all.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {all:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    /// Checks for a refusal that is told in one sentence, which it gives.
    #[track_caller]
    pub fn refusal(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(self.body.lines().count(), 1, "{:?}", self.body);
        self.body.trim_end()
    }
}

/// A stream of events that goes on.
pub struct Events {
    reader: BufReader<TcpStream>,
    pub status: u16,
}

#[derive(Debug)]
pub struct Event {
    pub kind: String,
    pub mark: Option<String>,
    pub data: Value,
    pub bytes: usize,
}

impl Events {
    /// The next one that is no comment.
    pub fn next(&mut self) -> Event {
        let mut event = Event { kind: String::new(), mark: None, data: Value::Null, bytes: 0 };
        loop {
            let mut line = String::new();
            assert_ne!(self.reader.read_line(&mut line).unwrap(), 0, "the events ended");
            event.bytes += line.len();
            match line.trim_end_matches('\n').split_once(": ") {
                Some(("event", kind)) => event.kind = kind.to_owned(),
                Some(("id", mark)) => event.mark = Some(mark.to_owned()),
                Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                None if line == "\n" && !event.kind.is_empty() => return event,
                _ => {}
            }
        }
    }

    /// All runs up to the first word of the store, which comes last.
    pub fn all(&mut self) -> (Vec<Value>, Event) {
        assert_eq!(self.next().kind, "all");
        self.some()
    }

    /// Runs up to a word of the store.
    pub fn some(&mut self) -> (Vec<Value>, Event) {
        let mut runs = Vec::new();
        let mut mark = None;
        loop {
            let event = self.next();
            match &*event.kind {
                "runs" => {
                    runs.extend(event.data["runs"].as_array().unwrap().clone());
                    mark = event.mark;
                }
                _ => return (runs, Event { mark, ..event }),
            }
        }
    }

    /// Reads on until a run has a state.
    pub fn until(&mut self, run: &str, state: &str) -> Event {
        loop {
            let event = self.next();
            let mut runs = event.data["runs"].as_array().into_iter().flatten();
            let mut gone = event.data["gone"].as_array().into_iter().flatten();
            if runs.any(|it| it["run"] == run && it["state"] == state)
                || state == "gone" && gone.any(|it| it[1] == run)
            {
                return event;
            }
        }
    }
}
