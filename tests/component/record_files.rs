//! Where both files are, what stands in their place, and what is left over beside them.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use tandem_host::{Channel, ErrorKind, HistoryOptions, Operation, RecordOptions};

use crate::record_support::{HISTORY_PATH, LOCK_PATH, at, options, summary, summary_path};
use crate::support::{Files, age, on_every_host};

on_every_host!(
    roots_and_names_are_options,
    a_summary_that_is_recorded_again_is_replaced,
    leftovers_older_than_the_sweeps_age_are_removed_and_counted,
    a_link_in_a_files_place_is_replaced_and_what_it_points_to_stays,
    a_directory_in_the_summarys_place_is_an_error_of_the_summary,
    a_directory_in_the_historys_place_is_an_error_of_the_history,
    a_directory_in_the_locks_place_is_an_error_of_the_history,
);

async fn roots_and_names_are_options(files: Files) {
    let bench = files.bench().await;
    let options = RecordOptions::new()
        .runs_root("state/runs")
        .history_root("state/.histories")
        .summary_name("summary.json")
        .history_name(".all");
    bench.tandem.record_run(summary("a", &at(1)), options.clone()).await.unwrap();
    let recorded = bench.tandem.record_run(summary("b", &at(2)), options).await.unwrap();
    assert_eq!(recorded.runs, 2);
    let expected = [
        "state/.histories/task/.all",
        "state/runs/task/a/summary.json",
        "state/runs/task/b/summary.json",
    ];
    assert_eq!(bench.files(), expected);
    let elsewhere =
        HistoryOptions::new("task").history_root("state/.histories").history_name(".all");
    assert_eq!(bench.tandem.history(elsewhere).await.unwrap().total, 2);
    assert_eq!(bench.history().await.unwrap().total, 0);
}

async fn a_summary_that_is_recorded_again_is_replaced(files: Files) {
    let bench = files.bench().await;
    bench.place(&summary_path("a"), "anything at all");
    bench.record("a", &at(1)).await;
    assert!(bench.text(&summary_path("a")).contains(&at(1)));
    bench.record("a", &at(2)).await;
    let text = bench.text(&summary_path("a"));
    assert!(text.contains(&at(2)) && !text.contains(&at(1)), "{text}");
    assert_eq!(bench.files(), [&summary_path("a"), HISTORY_PATH]);
}

async fn leftovers_older_than_the_sweeps_age_are_removed_and_counted(files: Files) {
    let bench = files.bench().await;
    let random = "0123456789abcdef0123456789abcdef";
    let temporary = |directory: &str, target: &str, random: &str| {
        format!("{directory}/.{target}.{random}.tandem-tmp")
    };
    let (run, out) = (".runs/task/a", "out/task");
    let old = [
        temporary(run, "manifest.json", random),
        temporary(run, "other", random),
        temporary(out, "other", random),
        temporary(out, "runs.json.corrupt-0123456789abcdef", random),
    ];
    let kept = [
        // Young.
        temporary(run, "manifest.json", &random.replace('0', "1")),
        temporary(out, "other", &random.replace('0', "1")),
        // No temporary files.
        format!("{run}/.manifest.json.tandem-tmp"),
        format!("{out}/runs.json.tandem-tmp"),
        // Of other directories.
        temporary(".runs/task/b", "manifest.json", random),
        temporary("out/other", "runs.json", random),
        temporary(".runs/task/cli/a", "manifest.json", random),
    ];
    for path in old.iter().chain(&kept) {
        bench.place(path, "left over");
    }
    for path in old.iter().chain(&kept[2..]) {
        age(&bench.path(path), 7_200);
    }
    let recorded = bench.record("a", &at(1)).await;
    assert_eq!(recorded.swept, 4);
    let mut expected = kept.to_vec();
    expected.extend([summary_path("a"), HISTORY_PATH.to_owned()]);
    expected.sort();
    assert_eq!(bench.files(), expected);

    // Another age. One of the history itself is nobody's, whatever its age: its maker lost the lock.
    bench.place(&temporary(out, "runs.json", random), "left over");
    let recording = bench.tandem.record_run(
        summary("a", &at(1)),
        options().sweep_after(Duration::from_millis(3_600_000_000)),
    );
    assert_eq!(recording.await.unwrap().swept, 0);
    assert_eq!(bench.files(), expected);
}

async fn a_link_in_a_files_place_is_replaced_and_what_it_points_to_stays(files: Files) {
    let bench = files.bench().await;
    let history = r#"{"taskId":"task","runs":[{"runId":"x","timestamp":"2026-01-06T00:00:00Z"}]}"#;
    bench.place("elsewhere/history", history);
    bench.place("elsewhere/summary", "mine");
    fs::create_dir_all(bench.path(".runs/task/a")).unwrap();
    fs::create_dir_all(bench.path("out/task")).unwrap();
    symlink("../../elsewhere/history", bench.path(HISTORY_PATH)).unwrap();
    symlink("../../../elsewhere/summary", bench.path(&summary_path("a"))).unwrap();
    assert_eq!(bench.history().await.unwrap().total, 0, "a link is no history");
    let recorded = bench.record("a", &at(1)).await;
    assert_eq!((recorded.runs, recorded.set_aside.len()), (1, 0));
    assert_eq!(bench.recorded(), ["a"]);
    for path in [HISTORY_PATH, &summary_path("a")] {
        assert!(fs::symlink_metadata(bench.path(path)).unwrap().is_file());
    }
    assert_eq!(bench.text("elsewhere/history"), history);
    assert_eq!(bench.text("elsewhere/summary"), "mine");
}

async fn a_directory_in_the_summarys_place_is_an_error_of_the_summary(files: Files) {
    let bench = files.bench().await;
    bench.place(&format!("{}/mine", summary_path("a")), "mine");
    let error = bench.tandem.record_run(summary("a", &at(1)), options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage, "{error:?}");
    assert_eq!(error.channel(), Some(Channel::Summary));
    assert_eq!(error.path(), Some(&*summary_path("a")));
    assert_eq!((error.operation(), error.beside()), (Some(Operation::Rename), None));
    assert_eq!(bench.recorded(), ["a"]);
    assert_eq!(bench.files(), [&format!("{}/mine", summary_path("a")), HISTORY_PATH]);
}

async fn a_directory_in_the_historys_place_is_an_error_of_the_history(files: Files) {
    let bench = files.bench().await;
    bench.place(&format!("{HISTORY_PATH}/mine"), "mine");
    let error = bench.tandem.record_run(summary("a", &at(1)), options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::History, "{error:?}");
    assert_eq!((error.channel(), error.path()), (Some(Channel::History), Some(HISTORY_PATH)));
    assert_eq!((error.code(), error.beside()), (Some("is-directory"), None));
    assert_eq!(bench.files(), [summary_path("a"), format!("{HISTORY_PATH}/mine")]);
    let error = bench.history().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage, "{error:?}");
    assert_eq!((error.path(), error.code()), (Some(HISTORY_PATH), Some("is-directory")));
}

async fn a_directory_in_the_locks_place_is_an_error_of_the_history(files: Files) {
    let bench = files.bench().await;
    bench.place(&format!("{LOCK_PATH}/mine"), "mine");
    let error = bench.tandem.record_run(summary("a", &at(1)), options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::History, "{error:?}");
    assert_eq!((error.operation(), error.path()), (Some(Operation::Lock), Some(LOCK_PATH)));
    assert_eq!(error.code(), Some("is-directory"));
    assert_eq!(bench.files(), [format!("{LOCK_PATH}/mine"), summary_path("a")]);
}
