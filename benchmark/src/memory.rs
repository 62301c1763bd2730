//! How much memory a contender takes at most: another process of this program works with it alone.

use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::kind::Kind;
use crate::work::Work;

/// Enough that buffers and threads are there.
const ROUNDS_MAX: u32 = 20;
const TIME_MAX: Duration = Duration::from_millis(300);

/// What the other process tells.
#[derive(Serialize, Deserialize)]
struct Told {
    memory_peak_bytes: Option<u64>,
}

/// Ask another process.
pub fn peak_bytes(kind: Kind, work: &Work) -> Result<Option<u64>> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--memory-of", kind.name(), "--only", work.measured.name()])
        .args(["--case", work.case.name()])
        .args(["--bytes", &work.bytes.to_string(), "--runs", &work.runs_at_once.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("{} does not work alone: {}", kind.name(), output.status).into());
    }
    let told: Told = serde_json::from_slice(&output.stdout)?;
    Ok(told.memory_peak_bytes)
}

/// Be the other process.
pub async fn tell(kind: Kind, work: &Work) -> Result<()> {
    let root = tempfile::Builder::new().prefix("bench-").tempdir_in(crate::scratch()?)?;
    let mut contender = kind.set_up(root.path(), work).await?;
    let begin = Instant::now();
    for turn in 0..ROUNDS_MAX {
        contender.turn(turn).await?;
        if begin.elapsed() >= TIME_MAX {
            break;
        }
    }
    let told = Told { memory_peak_bytes: contender.memory_peak_bytes().await? };
    contender.stop().await?;
    Ok(writeln!(io::stdout(), "{}", serde_json::to_string(&told)?)?)
}
