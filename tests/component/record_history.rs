//! Reading a history through the component.

use std::fs;

use tandem_host::{HistoryOptions, TaskHistory};

use crate::record_support::{HISTORY_PATH, at};
use crate::support::{Files, on_every_host};

on_every_host!(a_history_is_told_up_to_a_limit, a_task_without_a_history_has_an_empty_one,);

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
