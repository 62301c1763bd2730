//! A `tandem feed` that is talked to.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Output, Stdio};
use std::thread;

use serde_json::Value;

use crate::support::{Guarded, tandem, text};

/// A feed that is talked to.
pub struct Feed {
    pub child: Guarded,
    pub requests: ChildStdin,
    pub answers: BufReader<ChildStdout>,
}

impl Feed {
    pub fn start(root: &Path) -> Self {
        Feed::spawn(&mut feed(root))
    }

    pub fn spawn(command: &mut Command) -> Self {
        let mut child = Guarded::spawn(piped(command));
        let requests = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Feed { child, requests, answers }
    }

    pub fn send(&mut self, request: &Value) {
        writeln!(self.requests, "{request}").unwrap();
    }

    pub fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    pub fn ask(&mut self, request: &Value) -> Value {
        self.send(request);
        let answer = self.answer();
        assert_eq!(answer["id"], request["id"]);
        answer
    }

    /// Ends the input. What was not read of the answers is in the output.
    pub fn end(self) -> Output {
        let Feed { mut child, requests, answers } = self;
        drop(requests);
        child.stdout = Some(answers.into_inner());
        child.output()
    }
}

pub fn feed(root: &Path) -> Command {
    let mut command = tandem(&["feed", "--root"]);
    command.arg(root);
    command
}

fn piped(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped())
}

/// Writes all lines, whatever is answered, and ends the input.
pub fn talk(root: &Path, lines: &[u8]) -> Output {
    let mut child = Guarded::spawn(piped(&mut feed(root)));
    let mut requests = child.stdin.take().unwrap();
    let lines = lines.to_vec();
    let writer = thread::spawn(move || requests.write_all(&lines));
    let output = child.output();
    writer.join().unwrap().unwrap();
    output
}

/// With more fields.
pub fn with(mut request: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else { panic!("fields are an object") };
    request.as_object_mut().unwrap().extend(fields);
    request
}

pub fn lines(requests: &[Value]) -> Vec<u8> {
    requests.iter().map(|request| format!("{request}\n")).collect::<String>().into_bytes()
}

/// Answers in the order of their ids, which are numbers.
pub fn sorted(output: &Output) -> Vec<Value> {
    let mut answers: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    answers.sort_by_key(|answer| answer["id"].as_u64());
    answers
}
