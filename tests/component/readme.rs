//! The examples of the READMEs compile: each is here once more, between two marks.

use tandem_host::Error;

const THIS: &str = include_str!("readme.rs");

#[test]
fn the_readmes_show_what_compiles() {
    for (readme, mark) in [
        (include_str!("../../README.md"), "the repository's"),
        (include_str!("../../host/README.md"), "the library's"),
    ] {
        let shown = between(readme, "```rust\n", "```\n");
        let compiled = between(THIS, &format!("// {mark}: begin\n"), &format!("// {mark}: end\n"));
        assert_eq!(lines(shown), lines(compiled), "{mark}");
    }
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(begin).expect(begin);
    rest.split_once(end).expect(end).0
}

/// A README puts its comments side by side, which rustfmt would not.
fn lines(text: &str) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines = text.lines().map(|line| words(line.split(" //").next().unwrap_or_default()));
    lines.filter(|line| !line.is_empty()).collect()
}

#[expect(dead_code, reason = "it is compiled, and would write into the directory of the tests")]
#[rustfmt::skip]
async fn of_the_repository() -> Result<(), Error> {
    // the repository's: begin
    use tandem_host::{HistoryOptions, RecordOptions, Request, RunOptions, Tandem};

    let tandem = Tandem::open("state").await?;
    let run = tandem.open_run(RunOptions::new("nightly", "r1")).await?;
    run.set(r#"{"status": "in_progress"}"#).await?;
    run.schedule(Request::new().manifest().heartbeat().force()).await?;
    run.merge(r#"{"step": 2}"#).await?;
    run.schedule(Request::new().manifest()).await?;
    run.close().await?;

    let summary = r#"{"taskId": "nightly", "runId": "r1", "timestamp": "2026-11-21T05:04:31.120Z"}"#;
    tandem.record_run(summary, RecordOptions::new()).await?;
    let history = tandem.history(HistoryOptions::new("nightly").limit(20)).await?;
    // the repository's: end
    drop(history);
    Ok(())
}

#[expect(dead_code, reason = "as above")]
#[rustfmt::skip]
async fn of_the_library() -> Result<(), Error> {
    // the library's: begin
    use tandem_host::{Request, RunOptions, Tandem};

    let tandem = Tandem::open("state").await?;
    let run = tandem.open_run(RunOptions::new("nightly", "r1")).await?;
    run.set(r#"{"status": "in_progress"}"#).await?;
    run.schedule(Request::new().manifest().heartbeat().force()).await?;
    run.close().await?;
    // the library's: end
    Ok(())
}
