//! What stands in the place of both files, and what is left over beside them.

use std::time::Duration;

use crate::record_support::{HISTORY_PATH, at, options, summary, summary_path};
use crate::support::{Files, age, on_every_host};

on_every_host!(
    a_summary_that_is_recorded_again_is_replaced,
    leftovers_older_than_the_sweeps_age_are_removed_and_counted,
);

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
