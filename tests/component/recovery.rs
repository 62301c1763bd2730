//! Opening a run that somebody has written before, or is writing.

use std::fs;
use std::os::unix::fs::MetadataExt;

use futures::future::join_all;
use tandem_host::{ErrorKind, Reached, Request};

use crate::support::{ALL, Files, directory, on_every_host, options};

on_every_host!(
    a_run_that_exists_is_returned_and_can_be_resumed,
    opening_changes_no_file,
    a_manifest_that_indentation_would_multiply_is_only_read,
    a_second_open_of_an_open_run_is_refused,
    a_closed_run_can_be_opened_again,
    two_components_on_one_run_keep_each_file_whole_and_the_last_one_wins,
);

async fn a_run_that_exists_is_returned_and_can_be_resumed(files: Files) {
    let bench = files.bench().await;
    let run = bench.open_written("a").await;
    run.set(r#"{"status":"in_progress","n":1.0}"#).await.unwrap();
    run.schedule(ALL).await.unwrap();
    run.close().await.unwrap();

    // Another component, as after a crash of the process.
    let tandem = files.builder(bench.dir.path()).build().await.unwrap();
    let run = tandem.open_run(options("a")).await.unwrap();
    let found = run.recovered();
    assert_eq!(found.document.as_deref(), Some(bench.manifest("a").as_str()));
    assert_eq!(found.heartbeat.as_deref(), Some(bench.heartbeat("a").trim_end()));
    assert_eq!((found.swept, found.set_aside.len()), (0, 0));
    // What was found is the document: nothing need be set.
    run.schedule(Request::new().manifest().force()).await.unwrap();
    run.merge(r#"{"status":"succeeded"}"#).await.unwrap();
    run.close().await.unwrap();
    assert_eq!(bench.manifest("a"), "{\n  \"status\": \"succeeded\",\n  \"n\": 1.0\n}\n");
}

async fn opening_changes_no_file(files: Files) {
    let bench = files.bench().await;
    // Indented by somebody else.
    bench.put("a", "manifest.json", "{\"a\":1,\n\n\t\"b\":2}");
    bench.put("a", ".heartbeat", "2026-01-06T00:27:16.820Z\n");
    let identity = |name: &str| {
        let metadata = fs::metadata(bench.run_dir("a").join(name)).unwrap();
        (metadata.ino(), metadata.modified().unwrap())
    };
    let before = [identity("manifest.json"), identity(".heartbeat")];
    let run = bench.open("a").await;
    assert_eq!(run.recovered().document.as_deref(), Some("{\"a\":1,\n\n\t\"b\":2}"));
    run.close().await.unwrap();
    assert_eq!([identity("manifest.json"), identity(".heartbeat")], before);
    assert_eq!(bench.names("a"), [".heartbeat", "manifest.json"]);
}

/// Indented, it would have 2 GB, more than the component may use.
async fn a_manifest_that_indentation_would_multiply_is_only_read(files: Files) {
    let bench = files.bench().await;
    let items = b",1".repeat(7_500_000);
    let deep = [b"{\"a\":", &b"[".repeat(126)[..], b"1", &items, &b"]".repeat(126), b"}"].concat();
    bench.put("run", "manifest.json", &deep);
    let run = bench.open("run").await;
    assert_eq!(run.recovered().document.as_ref().map(|text| text.len()), Some(deep.len()));
    run.schedule(ALL).await.unwrap();
    assert!(bench.manifest("run").into_bytes() == deep);
}

async fn a_second_open_of_an_open_run_is_refused(files: Files) {
    let bench = files.bench().await;
    let run = bench.open("a").await;
    let error = bench.tandem.open_run(options("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyOpen);
    assert_eq!(error.path(), Some(directory("a").as_str()));
    // The first one does not notice.
    run.set("{}").await.unwrap();
    run.schedule(ALL).await.unwrap();
    // Of many at once one is let in.
    let opens = join_all((0..20).map(|_| bench.tandem.open_run(options("b")))).await;
    let (open, refused): (Vec<_>, Vec<_>) = opens.into_iter().partition(Result::is_ok);
    assert_eq!((open.len(), refused.len()), (1, 19));
    let mut errors = refused.into_iter().filter_map(Result::err);
    assert!(errors.all(|error| error.kind() == ErrorKind::AlreadyOpen));
}

async fn a_closed_run_can_be_opened_again(files: Files) {
    let bench = files.bench().await;
    let first = bench.open_written("a").await;
    first.close().await.unwrap();
    let second = bench.open("a").await;
    assert_eq!(second.recovered().document.as_deref(), Some("{}\n"));
    // The old handle closes nothing of the new one.
    first.close().await.unwrap();
    drop(first);
    second.set(r#"{"n": 2}"#).await.unwrap();
    assert_eq!(second.flush().await.unwrap().manifest.unwrap().reached, Reached::Durable);
}

async fn two_components_on_one_run_keep_each_file_whole_and_the_last_one_wins(files: Files) {
    let bench = files.bench().await;
    let other = files.builder(bench.dir.path()).build().await.unwrap();
    let runs = [bench.open("a").await, other.open_run(options("a")).await.unwrap()];
    let texts = ["a".repeat(100), "b".repeat(50_000)];
    for _ in 0..50 {
        let flushes = runs.iter().zip(&texts).map(|(run, text)| {
            drop(run.set(format!(r#"{{"text":"{text}"}}"#)));
            run.schedule(ALL)
        });
        for outcome in join_all(flushes).await {
            outcome.unwrap();
        }
        let manifest: serde_json::Value = serde_json::from_str(&bench.manifest("a")).unwrap();
        let text = manifest["text"].as_str().unwrap();
        assert!(texts.iter().any(|whole| whole == text));
        assert_eq!(bench.heartbeat("a").len(), 25);
    }
    runs[1].close().await.unwrap();
    drop(runs[0].set(r#"{"last": 1}"#));
    runs[0].close().await.unwrap();
    assert_eq!(bench.manifest("a"), "{\n  \"last\": 1\n}\n");
    assert_eq!(bench.names("a"), [".heartbeat", "manifest.json"]);
}
