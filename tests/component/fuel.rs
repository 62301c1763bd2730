//! What texts cost in the component: fuel, which counts its instructions, for each byte. Two sizes
//! tell that it is a bound for each byte, and not for one text.

use std::fmt::Write;
use std::path::Path;
use std::sync::LazyLock;

use tandem_host::testing::bindings::{Tandem, TandemPre};
use tandem_host::{Error, HistoryOptions, RecordOptions, RunOptions};
use tempfile::TempDir;
use wasmtime::AsContextMut;
use wasmtime::component::Accessor;

use crate::support::within;
use crate::wasmtime_state::{State, compiled};

const SIZES: [usize; 2] = [32 << 10, 256 << 10];

/// Linked once, and before the clock of a limit starts.
fn component() -> &'static TandemPre<State> {
    static COMPONENT: LazyLock<TandemPre<State>> = LazyLock::new(compile);
    &COMPONENT
}

fn compile() -> TandemPre<State> {
    TandemPre::new(State::linker().instantiate_pre(compiled()).unwrap()).unwrap()
}

/// What calls cost one after the other.
async fn costs(
    pre: &TandemPre<State>,
    dir: &Path,
    calls: impl AsyncFnOnce(&Tandem, &Accessor<State>, &mut Vec<u64>) -> wasmtime::Result<()>,
) -> Vec<u64> {
    let mut store = State::store_on(dir);
    let tandem = pre.instantiate_async(&mut store).await.unwrap();
    let mut left = Vec::new();
    let made = store.run_concurrent(async |accessor| calls(&tandem, accessor, &mut left).await);
    made.await.unwrap().unwrap();
    left.windows(2).map(|both| both[0] - both[1]).collect()
}

fn fuel(accessor: &Accessor<State>) -> u64 {
    accessor.with(|mut access| access.as_context_mut().get_fuel()).unwrap()
}

/// A compact manifest of at least so many bytes.
fn manifest(bytes: usize) -> String {
    let mut text =
        r#"{"version":1,"task_id":"task","run_id":"run","status":"in_progress","commands":["#
            .to_owned();
    for index in 1.. {
        let _ = write!(
            text,
            r#"{{"index":{index},"id":"step-{index}","title":"Test the workspace","command":"cargo test --workspace","kind":"command","status":"succeeded","started_at":"2026-01-06T00:27:16.820Z","completed_at":"2026-01-06T00:27:18.004Z","exit_code":0,"summary":"exit code 0"}}"#
        );
        if text.len() >= bytes {
            return text + "]}";
        }
        text.push(',');
    }
    unreachable!("it ends")
}

/// A compact document of the shortest tokens.
fn short_tokens(bytes: usize) -> String {
    format!(r#"{{"a":[1{}]}}"#, ",1".repeat(bytes / 2))
}

/// A compact document whose strings are escapes alone.
fn escapes(bytes: usize) -> String {
    format!(r#"{{"a":["\n"{}]}}"#, r#","\u00e9\n\\\"""#.repeat(bytes / 15))
}

/// A compact object of many short members.
fn wide(bytes: usize) -> String {
    let mut text = r#"{"a":1"#.to_owned();
    for number in 0..bytes / 12 {
        let _ = write!(text, r#","k{number:06}":0"#);
    }
    text + "}"
}

/// A history's file with entries of about 3 KiB, as the component writes it.
fn history(bytes: usize) -> String {
    let mut text = String::from(
        "{\n  \"taskId\": \"task\",\n  \"lastRunAt\": \"2026-01-06T00:00:00.000Z\",\n  \"runs\": [",
    );
    for number in 0.. {
        let _ = write!(
            text,
            "\n    {{\n      \"taskId\": \"task\",\n      \"runId\": \"run-{number:06}\",\n      \"timestamp\": \"2026-01-06T00:00:00.000Z\""
        );
        for artifact in 0..16 {
            let _ = write!(
                text,
                ",\n      \"artifact-{artifact:02}\": {{\n        \"path\": \"artifacts/{artifact:02}/coverage-report.json\",\n        \"description\": \"What the tests covered, by file\"\n      }}"
            );
        }
        text.push_str("\n    }");
        if text.len() >= bytes {
            return text + "\n  ]\n}";
        }
        text.push(',');
    }
    unreachable!("it ends")
}

/// The cost of each byte, above what the shortest text costs.
fn of_each_byte(costs: &[u64], bytes: [usize; 2]) -> [u64; 2] {
    [1, 2].map(|at| (costs[at] - costs[0]) / bytes[at - 1] as u64)
}

async fn setting(text: fn(usize) -> String) -> [u64; 2] {
    let (pre, dir) = (component(), TempDir::new().unwrap());
    let texts = [0, SIZES[0], SIZES[1]].map(text);
    let bytes = [texts[1].len(), texts[2].len()];
    let costs = within(costs(pre, dir.path(), async |tandem, accessor, left| {
        let runs = tandem.tandem_persistence_runs().run();
        let opened = runs.call_open(accessor, RunOptions::new("task", "run").into()).await?;
        let (run, _) = opened.map_err(Error::from).expect("the run opens");
        left.push(fuel(accessor));
        for text in texts {
            let set = runs.call_set(accessor, run, text).await?;
            set.map_err(Error::from).expect("the document is set");
            left.push(fuel(accessor));
        }
        Ok(())
    }))
    .await;
    of_each_byte(&costs, bytes)
}

fn assert_at_most(fuel_of_byte: [u64; 2], most: u64) {
    let [small, large] = fuel_of_byte;
    assert!(small.max(large) <= most, "{fuel_of_byte:?} above {most}");
    assert!(large <= small + small / 8 + 1, "{fuel_of_byte:?} grows with the size");
}

#[tokio::test]
async fn a_byte_of_a_manifest_that_is_set_takes_so_much_fuel_at_most() {
    assert_at_most(setting(manifest).await, 32);
}

#[tokio::test]
async fn a_byte_of_the_shortest_tokens_that_are_set_takes_so_much_fuel_at_most() {
    assert_at_most(setting(short_tokens).await, 220);
}

#[tokio::test]
async fn a_byte_of_escapes_that_are_set_takes_so_much_fuel_at_most() {
    assert_at_most(setting(escapes).await, 95);
}

#[tokio::test]
async fn a_byte_of_an_object_of_many_members_that_is_set_takes_so_much_fuel_at_most() {
    assert_at_most(setting(wide).await, 60);
}

#[tokio::test]
async fn a_byte_of_a_manifest_that_is_patched_takes_so_much_fuel_at_most() {
    let (pre, dir) = (component(), TempDir::new().unwrap());
    let texts = [0, SIZES[0], SIZES[1]].map(manifest);
    let bytes = [texts[1].len(), texts[2].len()];
    let costs = within(costs(pre, dir.path(), async |tandem, accessor, left| {
        let runs = tandem.tandem_persistence_runs().run();
        let opened = runs.call_open(accessor, RunOptions::new("task", "run").into()).await?;
        let (run, _) = opened.map_err(Error::from).expect("the run opens");
        for text in texts {
            let set = runs.call_set(accessor, run, text).await?;
            set.map_err(Error::from).expect("the document is set");
            left.push(fuel(accessor));
            let patch =
                r#"{"status":"succeeded","updated_at":"2026-01-06T00:27:18.004Z"}"#.to_owned();
            let merged = runs.call_merge(accessor, run, patch).await?;
            merged.map_err(Error::from).expect("the document is patched");
            left.push(fuel(accessor));
        }
        Ok(())
    }))
    .await;
    let merges: Vec<u64> = costs.into_iter().step_by(2).collect();
    assert_at_most(of_each_byte(&merges, bytes), 30);
}

#[tokio::test]
async fn a_byte_of_a_history_that_is_told_takes_so_much_fuel_at_most() {
    let (pre, dir) = (component(), TempDir::new().unwrap());
    let texts = [0, 1 << 20, 4 << 20].map(history);
    let bytes = [texts[1].len(), texts[2].len()];
    let out = dir.path().join("out/task");
    std::fs::create_dir_all(&out).unwrap();
    let costs = within(costs(pre, dir.path(), async |tandem, accessor, left| {
        left.push(fuel(accessor));
        for text in texts {
            std::fs::write(out.join("runs.json"), text)?;
            let histories = tandem.tandem_persistence_histories();
            let options = HistoryOptions::new("task").limit(1).into();
            let told = histories.call_history(accessor, options).await?;
            told.map_err(Error::from).expect("the history is told");
            left.push(fuel(accessor));
        }
        Ok(())
    }))
    .await;
    assert_at_most(of_each_byte(&costs, bytes), 24);
}

#[tokio::test]
async fn a_byte_of_a_history_that_a_run_is_recorded_into_takes_so_much_fuel_at_most() {
    let (pre, dir) = (component(), TempDir::new().unwrap());
    let texts = [0, 1 << 20, 4 << 20].map(history);
    let bytes = [texts[1].len(), texts[2].len()];
    let out = dir.path().join("out/task");
    std::fs::create_dir_all(&out).unwrap();
    let summary = r#"{"taskId":"task","runId":"new","timestamp":"2026-01-07T00:00:00.000Z"}"#;
    let costs = within(costs(pre, dir.path(), async |tandem, accessor, left| {
        left.push(fuel(accessor));
        for text in texts {
            std::fs::write(out.join("runs.json"), text)?;
            let histories = tandem.tandem_persistence_histories();
            let options = RecordOptions::new().into();
            let recorded = histories.call_record_run(accessor, summary.to_owned(), options).await?;
            recorded.map_err(Error::from).expect("the run is recorded");
            left.push(fuel(accessor));
        }
        Ok(())
    }))
    .await;
    assert_at_most(of_each_byte(&costs, bytes), 24);
}
