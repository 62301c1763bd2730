//! Opening a run that somebody has written before, or is writing.

use std::fs;
use std::os::unix::fs::MetadataExt;

use futures::future::join_all;
use tandem_host::{Channel, ErrorKind, Reached, Recovery, Request};

use crate::either::Run;
use crate::support::{ALL, Bench, Files, age, directory, on_every_host, options};

on_every_host!(
    a_new_run_is_empty,
    a_run_that_exists_is_returned_and_can_be_resumed,
    the_heartbeats_age_is_told_by_the_file_systems_clock,
    opening_changes_no_file,
    a_corrupt_manifest_is_set_aside_and_work_goes_on,
    a_manifest_that_indentation_would_multiply_is_only_read,
    a_corrupt_heartbeat_is_set_aside_and_work_goes_on,
    a_manifest_above_the_limit_is_refused_and_left_alone,
    a_second_open_of_an_open_run_is_refused,
    a_closed_run_can_be_opened_again,
    two_components_on_one_run_keep_each_file_whole_and_the_last_one_wins,
    one_component_keeps_runs_of_many_tasks_apart,
);

async fn a_new_run_is_empty(files: Files) {
    let bench = files.bench().await;
    let run = bench.open("a").await;
    let mut nothing = Recovery::default();
    nothing.directory = directory("a");
    assert_eq!(run.recovered(), &nothing);
}

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

async fn the_heartbeats_age_is_told_by_the_file_systems_clock(files: Files) {
    let bench = files.bench().await;
    // Its text is of no account.
    bench.put("a", ".heartbeat", "2001-01-01T00:00:00.000Z\n");
    age(&bench.run_dir("a").join(".heartbeat"), 90);
    let run = bench.open("a").await;
    assert_eq!(run.recovered().heartbeat.as_deref(), Some("2001-01-01T00:00:00.000Z"));
    let age_ms = run.recovered().heartbeat_age.unwrap().as_millis();
    assert!((89_000..3_600_000).contains(&age_ms), "{age_ms}");
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

/// Opens a run with a corrupt file and returns it after the checks.
async fn open_corrupt(bench: &Bench, name: &str, file: &str, content: &[u8]) -> Run {
    bench.put(name, file, content);
    let run = bench.open(name).await;
    let [aside] = run.recovered().set_aside.as_slice() else { panic!("{content:?}") };
    let prefix = format!("{}/{file}.corrupt-", directory(name));
    assert!(aside.starts_with(&prefix), "{aside}");
    assert_eq!(fs::read(bench.dir.path().join(aside)).unwrap(), content);
    assert!(!bench.run_dir(name).join(file).exists());
    run
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

async fn a_corrupt_manifest_is_set_aside_and_work_goes_on(files: Files) {
    let bench = files.bench().await;
    let deep = [b"{\"a\":".as_slice(), &b"[".repeat(200), &b"]".repeat(200), b"}"].concat();
    let contents: [&[u8]; 10] = [
        b"",
        b"\n",
        b"{\"a\": 1",
        b"{\"a\": 1}}",
        b"[1]",
        b"null",
        b"\0\0\0\0",
        b"\xEF\xBB\xBF\xEF\xBB\xBF{}",
        b"{\"a\": \"\xFF\"}",
        &deep,
    ];
    for (number, content) in contents.into_iter().enumerate() {
        let name = format!("run-{number}");
        let run = open_corrupt(&bench, &name, "manifest.json", content).await;
        assert_eq!(run.recovered().document, None);
        let unset = run.schedule(Request::new().manifest().force()).await.unwrap_err();
        assert_eq!(unset.kind(), ErrorKind::InvalidInput);
        run.set("{}").await.unwrap();
        run.schedule(ALL).await.unwrap();
        assert_eq!(bench.manifest(&name), "{}\n");
        assert_eq!(bench.names(&name).len(), 3, "what was set aside stays");
    }
}

async fn a_corrupt_heartbeat_is_set_aside_and_work_goes_on(files: Files) {
    let bench = files.bench().await;
    let contents: [&[u8]; 6] = [
        b"",
        b"2026-01-06T00:27:16.820Z",
        b"2026-01-06T00:2",
        b"yesterday\n",
        b"\xFF\n",
        &b"2026-01-06T00:27:16.820Z\n".repeat(1_000),
    ];
    for (number, content) in contents.into_iter().enumerate() {
        let name = format!("run-{number}");
        bench.put(&name, "manifest.json", "{}");
        let run = open_corrupt(&bench, &name, ".heartbeat", content).await;
        assert_eq!(run.recovered().document.as_deref(), Some("{}"));
        assert_eq!((&run.recovered().heartbeat, run.recovered().heartbeat_age), (&None, None));
        run.schedule(ALL).await.unwrap();
        assert_eq!(bench.heartbeat(&name).len(), 25);
    }
}

async fn a_manifest_above_the_limit_is_refused_and_left_alone(files: Files) {
    let bench = files.bench().await;
    let document = format!(r#"{{"text":"{}"}}"#, "x".repeat(2_000));
    bench.put("a", "manifest.json", &document);
    let small = bench.tandem.open_run(options("a").max_document_bytes(2_000)).await;
    let error = small.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(error.channel(), Some(Channel::Manifest));
    assert_eq!(error.path(), Some((directory("a") + "/manifest.json").as_str()));
    assert!(error.message().contains("2011") && error.message().contains("2000"), "{error}");
    assert_eq!(bench.names("a"), ["manifest.json"]);
    let run = bench.tandem.open_run(options("a").max_document_bytes(2_011)).await.unwrap();
    assert_eq!(run.recovered().document.as_deref(), Some(document.as_str()));
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

async fn one_component_keeps_runs_of_many_tasks_apart(files: Files) {
    let bench = files.bench().await;
    let mut runs = Vec::new();
    for task in ["one", "two", "größe 3"] {
        let mut options = options("same");
        options.task_id = task.to_owned();
        let run = bench.tandem.open_run(options).await.unwrap();
        run.set(format!(r#"{{"task":"{task}"}}"#)).await.unwrap();
        runs.push(run);
    }
    for run in &runs {
        run.close().await.unwrap();
    }
    for task in ["one", "two", "größe 3"] {
        let path = bench.dir.path().join(format!(".runs/{task}/cli/same/manifest.json"));
        let expected = format!("{{\n  \"task\": \"{task}\"\n}}\n");
        assert_eq!(fs::read_to_string(path).unwrap(), expected);
    }
}
