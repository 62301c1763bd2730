//! A pair flush: a manifest of 2, 32 or 256 KiB, and a heartbeat.

use serde_json::json;

use crate::Result;
use crate::contender::{Contender, Length, take_turns};
use crate::native::Native;
use crate::report::{BASE, Figures, Row, heading, ratio};
use crate::tandem::Tandem;

const BYTES: [usize; 3] = [2_048, 32_768, 262_144];

/// Both channels are kept like this, by every contender.
const CASES: [(&str, bool); 2] = [("visible", false), ("durable", true)];

pub async fn run(length: Length) -> Result<Vec<Row>> {
    // Beside the other products of the build, so on a real disk.
    let root = tempfile::Builder::new().prefix("bench-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut rows = Vec::new();
    heading();
    for (case, durable) in CASES {
        for bytes in BYTES {
            let manifest = manifest(bytes)?;
            let at = |name: &str| root.path().join(format!("{case}-{bytes}-{name}"));
            let mut contenders: Vec<Box<dyn Contender>> = vec![Box::new(Native::new(
                &at("native").join(".runs/bench/cli/run"),
                &manifest,
                durable,
            )?)];
            contenders.extend(Tandem::all(&at("tandem"), &manifest, durable).await?);

            let times = take_turns(&mut contenders, length).await?;
            let names: Vec<_> = contenders.iter().map(|contender| contender.name()).collect();
            let figures: Vec<_> = times.into_iter().map(Figures::of).collect();
            let Some(base) = names.iter().position(|name| *name == BASE) else { continue };
            for (contender, of) in names.into_iter().zip(&figures) {
                let Figures { p50_us, p99_us, pairs_per_s } = *of;
                let ratio = ratio(*of, figures[base]);
                let row = Row {
                    case,
                    bytes,
                    contender,
                    p50_us,
                    p99_us,
                    pairs_per_s,
                    ratio_to: BASE,
                    ratio,
                    entries: None,
                    ratio_to_empty: None,
                };
                row.print();
                rows.push(row);
            }
        }
    }
    root.close()?;
    Ok(rows)
}

/// A manifest whose file has exactly `bytes` bytes: commands as in a real one, and a tail of
/// output that fills it up.
fn manifest(bytes: usize) -> Result<String> {
    let text = |commands: usize, tail: usize| {
        let commands: Vec<_> = (1..=commands)
            .map(|index| {
                json!({
                    "index": index,
                    "id": format!("step-{index}"),
                    "command": "cargo test --workspace",
                    "kind": "command",
                    "status": "succeeded",
                    "started_at": "2026-01-06T00:27:16.820Z",
                    "completed_at": "2026-01-06T00:27:18.004Z",
                    "exit_code": 0,
                })
            })
            .collect();
        let manifest = json!({
            "version": 1,
            "task_id": "bench",
            "run_id": "run",
            "status": "in_progress",
            "commands": commands,
            "output_tail": "x".repeat(tail),
        });
        serde_json::to_string_pretty(&manifest).map(|text| text + "\n")
    };
    // A command takes about 300 bytes, so that this leaves a quarter for the tail.
    let commands = bytes / 400;
    let used = text(commands, 0)?.len();
    let tail = bytes.checked_sub(used).ok_or("the commands of the manifest are too long")?;
    Ok(text(commands, tail)?)
}
