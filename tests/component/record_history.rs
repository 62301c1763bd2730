//! Reading a history through the component.

use std::fs;

use tandem_host::{Channel, ErrorKind, HistoryOptions, TaskHistory};

use crate::record_support::{HISTORY_PATH, at, options, summary, summary_path};
use crate::support::{Files, names_in, on_every_host};

on_every_host!(
    a_history_is_told_newest_first,
    a_history_is_told_up_to_a_limit,
    a_task_without_a_history_has_an_empty_one,
    reading_a_history_changes_nothing,
    a_history_above_the_limit_is_refused_and_left_alone,
);

async fn a_history_is_told_newest_first(files: Files) {
    let bench = files.bench().await;
    for number in [2, 0, 1] {
        bench.record(&number.to_string(), &at(number)).await;
    }
    let history = bench.history().await.unwrap();
    assert_eq!((history.total, history.last_run_at), (3, at(2)));
    let told: Vec<serde_json::Value> =
        history.runs.iter().map(|run| serde_json::from_str(run).unwrap()).collect();
    let ids: Vec<_> = told.iter().map(|run| run["runId"].as_str().unwrap()).collect();
    assert_eq!(ids, ["2", "1", "0"]);
}

async fn a_history_is_told_up_to_a_limit(files: Files) {
    let bench = files.bench().await;
    for number in 0..3 {
        bench.record(&number.to_string(), &at(number)).await;
    }
    for (limit, told) in [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3), (u32::MAX, 3)] {
        let history = bench.tandem.history(HistoryOptions::new("task").limit(limit)).await.unwrap();
        assert_eq!((history.runs.len(), history.total), (told, 3), "limit {limit}");
        assert_eq!(history.last_run_at, at(2));
        assert!(history.runs.first().is_none_or(|run| run.contains(&at(2))), "the newest stay");
    }
}

async fn a_task_without_a_history_has_an_empty_one(files: Files) {
    let bench = files.bench().await;
    assert_eq!(bench.history().await.unwrap(), TaskHistory::default());
    fs::create_dir_all(bench.path("out/task")).unwrap();
    assert_eq!(bench.history().await.unwrap(), TaskHistory::default());
    bench.place(HISTORY_PATH, r#"{"taskId":"task","lastRunAt":"","runs":[]}"#);
    assert_eq!(bench.history().await.unwrap(), TaskHistory::default());
}

async fn reading_a_history_changes_nothing(files: Files) {
    let bench = files.bench().await;
    bench.history().await.unwrap();
    assert_eq!(names_in(bench.dir.path()), [""; 0]);
    // The next run that is recorded puts this right, a reader is told as if it had.
    let text = format!(
        r#"{{"taskId":"task","runs":[{{"runId":"b","timestamp":"{}"}},{{"runId":"a","timestamp":"{}"}}]}}"#,
        at(2),
        at(1)
    );
    bench.place(HISTORY_PATH, &text);
    let history = bench.history().await.unwrap();
    assert_eq!((history.total, history.last_run_at), (2, at(2)));
    assert!(history.runs[0].contains("\"b\""), "{:?}", history.runs);
    assert_eq!((bench.files(), bench.text(HISTORY_PATH)), (vec![HISTORY_PATH.to_owned()], text));

    bench.place(HISTORY_PATH, "corrupt");
    let error = bench.history().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::History, "{error:?}");
    assert_eq!((error.channel(), error.path()), (Some(Channel::History), Some(HISTORY_PATH)));
    assert!(!error.retryable());
    assert_eq!(bench.files(), [HISTORY_PATH]);
}

async fn a_history_above_the_limit_is_refused_and_left_alone(files: Files) {
    let bench = files.bench().await;
    bench.record("a", &at(1)).await;
    let before = bench.text(HISTORY_PATH);
    let bytes = before.len() as u64;
    let limited = |bytes| HistoryOptions::new("task").max_history_bytes(bytes);
    assert_eq!(bench.tandem.history(limited(bytes)).await.unwrap().total, 1);
    let error = bench.tandem.history(limited(bytes - 1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error:?}");
    assert_eq!((error.channel(), error.path()), (Some(Channel::History), Some(HISTORY_PATH)));

    // Before the merge, and after it.
    for limit in [bytes - 1, bytes, bytes + 10] {
        let text = summary("b", &at(2));
        let recording = bench.tandem.record_run(text, options().max_history_bytes(limit));
        let error = recording.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::History, "{error:?}");
        assert_eq!((error.code(), error.path()), (Some("file-too-large"), Some(HISTORY_PATH)));
        assert!(!error.retryable());
        assert_eq!(bench.text(HISTORY_PATH), before);
        let expected = [&summary_path("a"), &summary_path("b"), HISTORY_PATH];
        assert_eq!(bench.files(), expected, "nothing is left over or set aside");
    }
    // What `keep_last` drops needs no room.
    let text = summary("b", &at(2));
    let small = options().max_history_bytes(bytes).keep_last(1);
    bench.tandem.record_run(text, small).await.unwrap();
    assert_eq!(bench.recorded(), ["b"]);
}
