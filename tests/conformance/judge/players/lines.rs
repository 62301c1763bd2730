//! The lines of a player, in the records of the library.

use std::io::{PipeWriter, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use serde_json::json;
use tandem_host::{Error, HistoryOptions, RecordOptions, RemoveOptions, Request, RunOptions};

/// The first line.
#[derive(Deserialize)]
pub struct Start {
    pub directory: PathBuf,
    pub limits: Limits,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Limits {
    pub max_document_bytes: Option<u64>,
    pub max_total_document_bytes: Option<u64>,
    pub max_history_bytes: Option<u64>,
}

/// One of the calls of another line.
#[derive(Deserialize)]
pub struct Asked {
    pub id: u64,
    #[serde(flatten)]
    pub call: Call,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Call {
    Open {
        run: String,
        options: RunOptions,
    },
    Set {
        run: String,
        document: String,
    },
    Merge {
        run: String,
        patch: String,
    },
    Mark {
        run: String,
        request: Request,
    },
    Schedule {
        run: String,
        request: Request,
    },
    Flush {
        run: String,
    },
    Close {
        run: String,
    },
    Drop {
        run: String,
    },
    Stats {
        run: String,
    },
    RecordRun {
        summary: String,
        options: RecordOptions,
    },
    RemoveRuns {
        runs: Vec<String>,
        options: RemoveOptions,
    },
    History {
        options: HistoryOptions,
    },
    /// Only where calls wait.
    Look {
        ms: u64,
    },
}

/// Where outcomes go, one a line.
#[derive(Clone)]
pub struct Told(Arc<Mutex<PipeWriter>>);

impl Told {
    pub fn new(to: PipeWriter) -> Self {
        Told(Arc::new(Mutex::new(to)))
    }

    /// The component has started.
    pub fn ready(&self) {
        self.line(&json!({"versions": {"tandem-host": env!("CARGO_PKG_VERSION")}}));
    }

    pub fn outcome<T: Serialize>(&self, id: u64, result: &Result<T, Error>) {
        match result {
            Ok(value) => self.line(&json!({"id": id, "ok": value})),
            Err(error) => self.line(&json!({"id": id, "error": error})),
        }
    }

    pub fn broken(&self, id: u64, reason: &str) {
        self.line(&json!({"id": id, "broken": reason}));
    }

    fn line(&self, value: &serde_json::Value) {
        let mut to = self.0.lock().expect("nobody panics with it");
        // A judge that is gone needs no outcome.
        let _ = writeln!(to, "{value}").and_then(|()| to.flush());
    }
}
