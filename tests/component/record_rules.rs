//! What is in both files, and in which order.

use std::fs;
use std::os::unix::fs::symlink;

use tandem_host::{HistoryOptions, RecordOptions};

use crate::record_support::{HISTORY, HISTORY_PATH, at, options, summary, summary_path};
use crate::support::{Files, age, names_in, on_every_host};

on_every_host!(
    both_files_hold_the_same_json_value_and_only_the_indentation_differs,
    a_history_has_the_members_that_its_readers_know_in_their_order,
    what_stands_in_a_history_is_not_written_anew,
    runs_are_ordered_by_the_time_that_their_timestamps_name,
    a_run_with_the_timestamp_of_others_comes_after_them,
    a_run_that_is_recorded_again_replaces_its_entry_and_is_sorted_again,
    the_last_run_may_move_back,
    a_history_of_the_older_format_is_read_as_a_start_and_never_written,
    a_file_of_the_older_format_that_is_no_history_of_the_task_is_ignored,
    a_history_of_the_older_format_is_not_read_beside_a_newer_one,
    a_history_of_the_older_format_is_not_read_when_a_newer_one_was_set_aside,
    the_last_runs_are_kept,
    a_run_just_recorded_is_kept_and_the_receipt_names_those_that_are_ahead,
    tasks_do_not_share_histories,
);

async fn both_files_hold_the_same_json_value_and_only_the_indentation_differs(files: Files) {
    let bench = files.bench().await;
    let given = "\t{\"z\":1.0,\"a\" : 1e5,\n\n\"taskId\":\"task\",\"runId\":\"a\",\
        \"n\":[-0,12345678901234567890123,{ },[ ], 1E-7],\"timestamp\":\"2026-01-06T00:00:01Z\",\
        \"s\":\"\\u00e9\\/ \u{e9}\u{1f600}\\ud83d\\ude00\",\"o\":{\"k\":1,\"k\":null},\"b\":false} ";
    bench.tandem.record_run(given, options()).await.unwrap();
    let entry = "{
  \"z\": 1.0,
  \"a\": 1e5,
  \"taskId\": \"task\",
  \"runId\": \"a\",
  \"n\": [
    -0,
    12345678901234567890123,
    {},
    [],
    1E-7
  ],
  \"timestamp\": \"2026-01-06T00:00:01Z\",
  \"s\": \"\\u00e9\\/ \u{e9}\u{1f600}\\ud83d\\ude00\",
  \"o\": {
    \"k\": 1,
    \"k\": null
  },
  \"b\": false
}";
    assert_eq!(bench.text(&summary_path("a")), entry);
    let (begin, end) = (
        "{
  \"taskId\": \"task\",
  \"lastRunAt\": \"2026-01-06T00:00:01Z\",
  \"runs\": [
    ",
        "
  ]
}",
    );
    let indented = entry.replace('\n', "\n    ");
    assert_eq!(bench.text(HISTORY_PATH), format!("{begin}{indented}{end}"));
}

async fn a_history_has_the_members_that_its_readers_know_in_their_order(files: Files) {
    let bench = files.bench().await;
    bench.record("b", &at(2)).await;
    bench.record("a", &at(1)).await;
    let expected = "{
  \"taskId\": \"task\",
  \"lastRunAt\": \"2026-01-06T00:00:02Z\",
  \"runs\": [
    {
      \"taskId\": \"task\",
      \"runId\": \"a\",
      \"timestamp\": \"2026-01-06T00:00:01Z\"
    },
    {
      \"taskId\": \"task\",
      \"runId\": \"b\",
      \"timestamp\": \"2026-01-06T00:00:02Z\"
    }
  ]
}";
    let members = |text: String| -> Vec<String> {
        let mut members: Vec<_> =
            text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect();
        // The order in a summary is its caller's.
        members.sort();
        members
    };
    let text = bench.text(HISTORY_PATH);
    assert_eq!(members(text.clone()), members(expected.to_owned()));
    assert!(text.starts_with("{\n  \"taskId\": \"task\",\n  \"lastRunAt\": \"2026"), "{text}");
    assert!(text.ends_with("    }\n  ]\n}"), "{text}");
}

async fn what_stands_in_a_history_is_not_written_anew(files: Files) {
    let bench = files.bench().await;
    let old = "{\"runId\" :\"a\",\t\"n\":1.50e0,\"timestamp\":\"2026-01-06T00:00:01Z\" ,\"n\":2}";
    let before = format!(
        "{{\"more\":[1,2 ],\"lastRunAt\":7,\"runs\":[ {old}\n,{{}}],\"taskId\":\"task\",\"x\":null}}"
    );
    bench.place(HISTORY_PATH, before);
    bench.record("b", &at(2)).await;
    let text = bench.text(HISTORY_PATH);
    assert!(text.contains(old), "{text}");
    assert!(text.contains("\n    {},\n") && text.contains("  ],\n  \"more\": [1,2 ],"), "{text}");
    assert!(text.ends_with(",\n  \"x\": null\n}"), "{text}");
    assert!(text.contains("\"lastRunAt\": \"2026-01-06T00:00:02Z\""), "{text}");
}

async fn runs_are_ordered_by_the_time_that_their_timestamps_name(files: Files) {
    let bench = files.bench().await;
    let times = ["16Z", "16.5Z", "16.50Z", "17Z", "16.05Z"];
    for (number, time) in times.iter().enumerate() {
        bench.record(&number.to_string(), &format!("2026-01-06T00:00:{time}")).await;
    }
    bench.record("early", "0001-01-01T00:00:00Z").await;
    assert_eq!(bench.recorded(), ["early", "0", "4", "1", "2", "3"]);
    assert!(bench.text(HISTORY_PATH).contains("\"lastRunAt\": \"2026-01-06T00:00:17Z\""));
}

async fn a_run_with_the_timestamp_of_others_comes_after_them(files: Files) {
    let bench = files.bench().await;
    for (run, second) in [("z", 5), ("b", 5), ("late", 9), ("a", 5), ("c", 5)] {
        bench.record(run, &at(second)).await;
    }
    assert_eq!(bench.recorded(), ["z", "b", "a", "c", "late"]);
    // It keeps its place when its time is still the same.
    bench.record("b", &at(5)).await;
    assert_eq!(bench.recorded(), ["z", "b", "a", "c", "late"]);
}

async fn a_run_that_is_recorded_again_replaces_its_entry_and_is_sorted_again(files: Files) {
    let bench = files.bench().await;
    for (run, second) in [("a", 1), ("b", 2), ("c", 3)] {
        bench.record(run, &at(second)).await;
    }
    let again = r#"{"taskId":"task","runId":"a","timestamp":"2026-01-06T00:00:09Z","new":true}"#;
    let recorded = bench.tandem.record_run(again, options()).await.unwrap();
    assert_eq!((recorded.runs, recorded.ahead.len()), (3, 0));
    assert_eq!(bench.recorded(), ["b", "c", "a"]);
    assert_eq!(bench.text(HISTORY_PATH).matches("\"new\": true").count(), 1);
    bench.record("c", &at(1)).await;
    assert_eq!(bench.recorded(), ["c", "b", "a"]);
}

async fn the_last_run_may_move_back(files: Files) {
    let bench = files.bench().await;
    bench.record("a", &at(1)).await;
    bench.record("b", &at(9)).await;
    assert_eq!(bench.history().await.unwrap().last_run_at, at(9));
    bench.record("b", &at(0)).await;
    assert_eq!(bench.recorded(), ["b", "a"]);
    assert_eq!(bench.history().await.unwrap().last_run_at, at(1));
}

const OLDER: &str = "out/task/state.json";

fn older() -> String {
    format!(
        r#"{{"taskId":"task","lastRunAt":"","runs":[{{"runId":"old","timestamp":"{}"}}]}}"#,
        at(1)
    )
}

async fn a_history_of_the_older_format_is_read_as_a_start_and_never_written(files: Files) {
    let bench = files.bench().await;
    bench.place(OLDER, older());
    age(&bench.path(OLDER), 1_000);
    let modified = || fs::metadata(bench.path(OLDER)).unwrap().modified().unwrap();
    let before = modified();
    assert_eq!(bench.history().await.unwrap().total, 1);
    assert_eq!(bench.record("new", &at(2)).await.runs, 2);
    assert_eq!(bench.recorded(), ["old", "new"]);
    assert_eq!((bench.text(OLDER), modified()), (older(), before));
    // It is a start whenever there is no newer one.
    fs::remove_file(bench.path(HISTORY_PATH)).unwrap();
    bench.record("next", &at(3)).await;
    assert_eq!(bench.recorded(), ["old", "next"]);
}

async fn a_file_of_the_older_format_that_is_no_history_of_the_task_is_ignored(files: Files) {
    for (number, content) in [
        "",
        "null",
        "[]",
        "{",
        r#"{"taskId":"other","runs":[]}"#,
        r#"{"taskId":"task"}"#,
        r#"{"taskId":"task","runs":{}}"#,
        r#"{"runs":[{"runId":"old","timestamp":"2026-01-06T00:00:00Z"}]}"#,
        r#"{"taskId":1,"runs":[]}"#,
    ]
    .into_iter()
    .enumerate()
    {
        let bench = files.bench().await;
        bench.place(OLDER, content);
        assert_eq!(bench.history().await.unwrap().total, 0, "{content}");
        let recorded = bench.record("a", &at(number)).await;
        assert_eq!((recorded.runs, recorded.set_aside.len()), (1, 0), "{content}");
        assert_eq!(names_in(&bench.path("out/task")), [HISTORY, "state.json"], "{content}");
        assert_eq!(bench.text(OLDER), content);
    }
    for is_link in [false, true] {
        let bench = files.bench().await;
        fs::create_dir_all(bench.path("out/task")).unwrap();
        if is_link {
            fs::write(bench.path("out/task/real"), older()).unwrap();
            symlink("real", bench.path(OLDER)).unwrap();
        } else {
            fs::create_dir(bench.path(OLDER)).unwrap();
        }
        assert_eq!(bench.record("a", &at(1)).await.runs, 1);
        assert!(bench.path(OLDER).exists());
    }
}

async fn a_history_of_the_older_format_is_not_read_beside_a_newer_one(files: Files) {
    let bench = files.bench().await;
    bench.record("a", &at(1)).await;
    bench.place(OLDER, older());
    bench.record("b", &at(2)).await;
    assert_eq!(bench.recorded(), ["a", "b"]);
    assert_eq!(bench.history().await.unwrap().total, 2);
}

async fn a_history_of_the_older_format_is_not_read_when_a_newer_one_was_set_aside(files: Files) {
    let bench = files.bench().await;
    bench.place(OLDER, older());
    bench.place(HISTORY_PATH, "corrupt");
    let recorded = bench.record("a", &at(2)).await;
    assert_eq!((recorded.runs, recorded.set_aside.len()), (1, 1));
    bench.record("b", &at(3)).await;
    assert_eq!(bench.recorded(), ["a", "b"]);
    assert_eq!(bench.text(OLDER), older());
}

async fn the_last_runs_are_kept(files: Files) {
    let bench = files.bench().await;
    for number in 0..5 {
        let text = summary(&number.to_string(), &at(number));
        let recorded = bench.tandem.record_run(text, options().keep_last(2)).await.unwrap();
        assert_eq!((recorded.runs, recorded.ahead.len()), (u32::min(2, number as u32 + 1), 0));
    }
    assert_eq!(bench.recorded(), ["3", "4"]);
    assert!(bench.path(&summary_path("0")).exists(), "its summary stays");
    // One that was already there counts once, and is counted after it was replaced.
    let again = summary("3", &at(9));
    let recorded = bench.tandem.record_run(again, options().keep_last(1)).await.unwrap();
    assert_eq!((recorded.runs, recorded.ahead.len()), (1, 0));
    assert_eq!(bench.recorded(), ["3"]);
    // Those without a time are the oldest.
    let text = r#"{"taskId":"task","runs":[1,{"runId":"x"},{"runId":"y","timestamp":"1"}]}"#;
    bench.place(HISTORY_PATH, text);
    bench.tandem.record_run(summary("z", &at(1)), options().keep_last(2)).await.unwrap();
    assert_eq!(bench.recorded(), ["y", "z"]);
}

async fn a_run_just_recorded_is_kept_and_the_receipt_names_those_that_are_ahead(files: Files) {
    let bench = files.bench().await;
    for number in 1..4 {
        bench.record(&number.to_string(), &at(number)).await;
    }
    let text = summary("0", &at(0));
    let recorded = bench.tandem.record_run(text, options().keep_last(3)).await.unwrap();
    assert_eq!((recorded.runs, recorded.ahead), (3, vec!["3".to_owned(), "2".to_owned()]));
    assert_eq!(bench.recorded(), ["0", "2", "3"]);
    assert!(bench.path(&summary_path("0")).exists(), "its summary is written");
}

async fn tasks_do_not_share_histories(files: Files) {
    let bench = files.bench().await;
    bench.record("a", &at(1)).await;
    let text = summary("a", &at(2)).replace("\"task\"", "\"other\"");
    bench.tandem.record_run(text, RecordOptions::new()).await.unwrap();
    assert_eq!(bench.recorded(), ["a"]);
    let other = bench.tandem.history(HistoryOptions::new("other")).await.unwrap();
    assert_eq!((other.total, other.last_run_at), (1, at(2)));
    assert_eq!(bench.history().await.unwrap().last_run_at, at(1));
}
