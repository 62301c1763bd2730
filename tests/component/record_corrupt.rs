//! What is wrong in a history's file: a file that is none is set aside, entries are put right.

use std::fs;

use crate::record_support::{HISTORY, HISTORY_PATH, at};
use crate::support::{Files, names_in, on_every_host};

on_every_host!(
    what_holds_no_history_is_set_aside_as_it_is_and_work_goes_on,
    a_history_may_nest_as_deep_as_it_likes,
    each_corrupt_history_is_kept,
    entries_without_an_id_or_a_time_are_kept_as_they_are_and_come_first,
    unsorted_entries_are_put_in_order,
    of_doubled_entries_the_last_one_is_kept,
);

/// What is no history of the task `task`.
fn no_histories() -> Vec<Vec<u8>> {
    let good = r#"{"taskId":"task","lastRunAt":"","runs":[]}"#;
    let half = r#"{"taskId":"task","lastRunAt":"2026-01-06T00:00:00Z","runs":[{"runId":"x","ti"#;
    let too_deep = "[".repeat(100_000);
    let mut all: Vec<Vec<u8>> = [
        "",
        "\n",
        "null",
        "true",
        "[]",
        "{}",
        "{",
        half,
        "corrupt",
        r#"{"taskId":"task"}"#,
        r#"{"runs":[]}"#,
        r#"{"taskId":"task","runs":null}"#,
        r#"{"taskId":"task","runs":{}}"#,
        r#"{"taskId":"task","runs":"[]"}"#,
        r#"{"taskId":["task"],"runs":[]}"#,
        r#"{"taskId":null,"runs":[]}"#,
        r#"{"taskId":"other","lastRunAt":"","runs":[]}"#,
        r#"{"taskId":"task","lastRunAt":"","runs":[1,]}"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    all.push(format!("{good}{good}").into());
    all.push(format!("\u{feff}\u{feff}{good}").into());
    all.push(format!("{good}\0").into());
    all.push(vec![0; 4_096]);
    all.push((0..=255).cycle().take(100_000).collect());
    all.push([good.as_bytes(), b"\xff"].concat());
    all.push(good.replace("[]", "[\"\u{fffd}\"]").replace('\u{fffd}', "\\ud800\\x").into());
    all.push(good.encode_utf16().flat_map(u16::to_le_bytes).collect());
    all.push(too_deep.clone().into());
    all.push(good.replace("[]", &too_deep).into());
    all
}

async fn what_holds_no_history_is_set_aside_as_it_is_and_work_goes_on(files: Files) {
    let bench = files.bench().await;
    for content in no_histories() {
        let shown = String::from_utf8_lossy(&content[..content.len().min(100)]).into_owned();
        let out = bench.path("out/task");
        fs::remove_dir_all(&out).ok();
        bench.place(HISTORY_PATH, &content);
        let recorded = bench.record("a", &at(1)).await;
        assert_eq!(recorded.runs, 1, "{shown}");
        let [aside] = recorded.set_aside.as_slice() else { panic!("{shown}: {recorded:?}") };
        let random = aside.strip_prefix("out/task/runs.json.corrupt-").expect(aside);
        assert!(random.len() == 16 && random.bytes().all(|b| b.is_ascii_hexdigit()), "{aside}");
        assert!(fs::read(bench.path(aside)).unwrap() == content, "{shown}");
        assert_eq!(bench.recorded(), ["a"], "{shown}");
        let name = aside.rsplit('/').next().unwrap();
        assert_eq!(names_in(&out), [HISTORY, name], "{shown}");

        let recorded = bench.record("b", &at(2)).await;
        assert_eq!((recorded.runs, recorded.set_aside.len()), (2, 0), "{shown}");
        assert_eq!(names_in(&out), [HISTORY, name], "{shown}");
    }
}

async fn a_history_may_nest_as_deep_as_it_likes(files: Files) {
    for depth in [1, 64, 128, 100_000] {
        let bench = files.bench().await;
        let deep = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        bench.place(HISTORY_PATH, format!(r#"{{"taskId":"task","runs":[{deep}],"n":{deep}}}"#));
        let recorded = bench.record("a", &at(1)).await;
        assert_eq!((recorded.runs, recorded.set_aside.len()), (2, 0), "{depth}");
        assert_eq!(bench.text(HISTORY_PATH).matches(&deep).count(), 2, "it is kept as it is");
        assert_eq!(bench.history().await.unwrap().runs[1], *deep);
    }
}

async fn each_corrupt_history_is_kept(files: Files) {
    let bench = files.bench().await;
    for number in 0..5 {
        bench.place(HISTORY_PATH, number.to_string());
        bench.record("a", &at(1)).await;
    }
    let names = names_in(&bench.path("out/task"));
    let kept = names.iter().filter(|name| *name != HISTORY);
    let mut contents: Vec<_> = kept.map(|name| bench.text(&format!("out/task/{name}"))).collect();
    contents.sort();
    assert_eq!(contents, ["0", "1", "2", "3", "4"]);
}

/// Records one run into a history with these entries, and tells the entries after that.
async fn merged(files: Files, entries: &str) -> Vec<serde_json::Value> {
    let bench = files.bench().await;
    bench.place(HISTORY_PATH, format!(r#"{{"taskId":"task","lastRunAt":"x","runs":[{entries}]}}"#));
    let recorded = bench.record("new", &at(5)).await;
    assert_eq!(recorded.set_aside.len(), 0);
    let history: serde_json::Value = serde_json::from_str(&bench.text(HISTORY_PATH)).unwrap();
    let runs = history["runs"].as_array().unwrap();
    assert_eq!(recorded.runs as usize, runs.len());
    assert_eq!(history["lastRunAt"], runs[runs.len() - 1]["timestamp"]);
    runs.iter().map(|run| run.get("n").unwrap_or(run).clone()).collect()
}

async fn entries_without_an_id_or_a_time_are_kept_as_they_are_and_come_first(files: Files) {
    let entries = r#"
        {"runId":"a","timestamp":"2026-01-06T00:00:01Z","n":1},
        {"runId":"b","n":2},
        {"timestamp":"2026-01-06T00:00:00Z","n":3},
        {"runId":"b","n":4},
        {"runId":"c","timestamp":"","n":5},
        {"runId":"","timestamp":"2026-01-06T00:00:00Z","n":6},
        {"runId":7,"timestamp":"2026-01-06T00:00:00Z","n":7},
        {"runId":"d","timestamp":8,"n":8},
        9, "10", null, [], [{"runId":"a","timestamp":"2026-01-06T00:00:00Z"}], {}"#;
    let merged = merged(files, entries).await;
    let inside = serde_json::json!([{"runId": "a", "timestamp": "2026-01-06T00:00:00Z"}]);
    let expected = serde_json::json!([2, 3, 4, 5, 6, 7, 8, 9, "10", null, [], inside, {}, 1]);
    assert_eq!(merged[..14], *expected.as_array().unwrap());
    assert_eq!(merged[14]["runId"], "new");
    assert_eq!(merged.len(), 15);
}

async fn unsorted_entries_are_put_in_order(files: Files) {
    let entries = r#"
        {"runId":"a","timestamp":"2026-01-06T00:00:09Z","n":1},
        {"runId":"b","timestamp":"2026-01-06T00:00:05Z","n":2},
        {"runId":"c","timestamp":"any text","n":3},
        {"runId":"d","timestamp":"2026-01-06T00:00:05Z","n":4},
        {"runId":"e","timestamp":"2026-01-06T00:00:01\u005a","n":5}"#;
    let merged = merged(files, entries).await;
    let told: Vec<_> = merged.iter().map(|n| n.as_u64().unwrap_or(0)).collect();
    assert_eq!(told, [3, 5, 2, 4, 0, 1]);
}

async fn of_doubled_entries_the_last_one_is_kept(files: Files) {
    let entries = r#"
        {"runId":"a","timestamp":"2026-01-06T00:00:01Z","n":1},
        {"runId":"new","timestamp":"2026-01-06T00:00:02Z","n":2},
        {"runId":"a","timestamp":"2026-01-06T00:00:03Z","n":3},
        {"runId":"b","timestamp":"2026-01-06T00:00:04Z","n":4},
        {"runId":"\u0061","timestamp":"2026-01-06T00:00:00Z","n":5},
        {"runId":"new","timestamp":"2026-01-06T00:00:02Z","n":6}"#;
    let merged = merged(files, entries).await;
    let told: Vec<_> = merged.iter().map(|n| n.as_u64().unwrap_or(0)).collect();
    assert_eq!(told, [5, 4, 0]);
}
