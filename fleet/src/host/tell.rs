//! Lines to whoever keeps the ledger.

use std::io::Write;
use std::process::exit;

use tandem_host::Error;

use crate::word::Word;

/// Says it at once: what was acknowledged must be known before this process is killed.
pub fn tell(word: &Word) {
    let line = format!("{word}\n");
    let mut out = std::io::stdout().lock();
    if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
        // Nobody listens any more.
        exit(1);
    }
}

/// Says that a call failed.
pub fn tell_failed(call: &str, error: &Error) {
    let kind = serde_json::to_value(error.kind()).unwrap_or_default();
    let kind = kind.as_str().unwrap_or("unknown").to_owned();
    tell(&Word::Failed(call.to_owned(), kind));
}

/// Says that a call wrote, and promised too little.
pub fn tell_weak(call: &str) {
    tell(&Word::Failed(call.to_owned(), "not-durable".to_owned()));
}
