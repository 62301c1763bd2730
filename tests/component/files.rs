//! What stands on the disk.

use std::fs;
use std::io::{Read, Seek};
use std::os::unix::fs::{MetadataExt, symlink};
use std::time::Duration;

use serde_json::Value;
use tandem_host::{Channel, Operation};

use crate::support::{ALL, Files, age, directory, names_in, on_every_host, options};

on_every_host!(
    a_manifest_is_indented_by_two_and_ends_with_one_newline,
    a_manifest_keeps_the_order_of_keys_and_the_text_of_numbers_and_strings,
    a_merge_keeps_what_it_does_not_change,
    a_heartbeat_is_one_utc_time_of_25_bytes,
    each_file_is_replaced_and_an_open_reader_keeps_the_old_one,
    a_symlink_in_a_files_place_is_replaced_and_its_target_untouched,
    a_directory_in_a_files_place_fails_that_channel_and_no_other,
    after_close_nothing_but_the_documented_files_is_left,
    abandoned_temporary_files_are_swept_at_open_and_young_ones_kept,
    close_sweeps_too,
    only_files_with_the_name_of_a_temporary_file_are_swept,
    a_directory_removed_meanwhile_is_made_again,
    roots_and_names_are_options,
);

const TEMP: &str = ".manifest.json.0123456789abcdef0123456789abcdef.tandem-tmp";
const OTHER_TEMP: &str = ".heartbeat.fedcba9876543210fedcba9876543210.tandem-tmp";

async fn a_manifest_is_indented_by_two_and_ends_with_one_newline(files: Files) {
    let bench = files.bench().await;
    let run = bench.open("a").await;
    for (document, file) in [
        ("{}", "{}\n"),
        (" {\"a\" :\t1}\r\n", "{\n  \"a\": 1\n}\n"),
        (
            r#"{"a":[],"b":{},"c":[1,{"d":null}]}"#,
            "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    {\n      \"d\": null\n    }\n  ]\n}\n",
        ),
    ] {
        run.set(document).await.unwrap();
        run.flush().await.unwrap();
        assert_eq!(bench.manifest("a"), file);
    }
}

async fn a_manifest_keeps_the_order_of_keys_and_the_text_of_numbers_and_strings(files: Files) {
    let bench = files.bench().await;
    let run = bench.open("a").await;
    let document = r#"{"z":1.0,"a":1e400,"z2":-0,"m":12345678901234567890123,"s":"\u00e9é\/\ud83d\ude00 {[,:\"\\"}"#;
    run.set(document).await.unwrap();
    run.flush().await.unwrap();
    let members = r#""z": 1.0,|"a": 1e400,|"z2": -0,|"m": 12345678901234567890123,|"s": "\u00e9é\/\ud83d\ude00 {[,:\"\\""#;
    let file = format!("{{\n  {}\n}}\n", members.replace('|', "\n  "));
    assert_eq!(bench.manifest("a"), file);
}

async fn a_merge_keeps_what_it_does_not_change(files: Files) {
    let bench = files.bench().await;
    let run = bench.open("a").await;
    run.merge(r#"{"z":{"b":1.0,"a":2},"y":[1,2],"x":"x"}"#).await.unwrap();
    run.merge(r#"{"new":null,"z":{"a":null,"c":3},"x":null,"y":[]}"#).await.unwrap();
    run.flush().await.unwrap();
    let file = "{\n  \"z\": {\n    \"b\": 1.0,\n    \"c\": 3\n  },\n  \"y\": []\n}\n";
    assert_eq!(bench.manifest("a"), file);
}

async fn a_heartbeat_is_one_utc_time_of_25_bytes(files: Files) {
    let bench = files.bench().await;
    bench.open_written("a").await;
    let heartbeat = bench.heartbeat("a");
    let shape: String =
        heartbeat.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z\n");
    humantime::parse_rfc3339(heartbeat.trim_end()).unwrap();
}

async fn each_file_is_replaced_and_an_open_reader_keeps_the_old_one(files: Files) {
    let bench = files.bench().await;
    let run = bench.open_written("a").await;
    for name in ["manifest.json", ".heartbeat"] {
        let path = bench.run_dir("a").join(name);
        let mut reader = fs::File::open(&path).unwrap();
        let old = fs::read_to_string(&path).unwrap();
        run.merge(r#"{"a": 1}"#).await.unwrap();
        run.schedule(ALL).await.unwrap();
        assert_ne!(fs::metadata(&path).unwrap().ino(), reader.metadata().unwrap().ino());
        let mut seen = String::new();
        reader.rewind().unwrap();
        reader.read_to_string(&mut seen).unwrap();
        assert_eq!(seen, old);
    }
}

async fn a_symlink_in_a_files_place_is_replaced_and_its_target_untouched(files: Files) {
    let bench = files.bench().await;
    let inside = bench.dir.path().join("inside.json");
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(&inside, r#"{"mine": true}"#).unwrap();
    fs::write(outside.path(), "2026-01-06T00:27:16.820Z\n").unwrap();
    fs::create_dir_all(bench.run_dir("a")).unwrap();
    symlink(&inside, bench.run_dir("a").join("manifest.json")).unwrap();
    symlink(outside.path(), bench.run_dir("a").join(".heartbeat")).unwrap();

    let run = bench.open("a").await;
    assert_eq!(run.recovered().document, None);
    assert_eq!(run.recovered().heartbeat, None);
    assert_eq!(run.recovered().set_aside, [""; 0]);
    run.set("{}").await.unwrap();
    run.schedule(ALL).await.unwrap();
    for name in ["manifest.json", ".heartbeat"] {
        let replaced = fs::symlink_metadata(bench.run_dir("a").join(name)).unwrap();
        assert!(replaced.is_file(), "{name}");
    }
    assert_eq!(fs::read_to_string(inside).unwrap(), r#"{"mine": true}"#);
    assert_eq!(fs::read_to_string(outside).unwrap(), "2026-01-06T00:27:16.820Z\n");
}

async fn a_directory_in_a_files_place_fails_that_channel_and_no_other(files: Files) {
    let bench = files.bench().await;
    for (run, blocked, free, channel) in [
        ("a", "manifest.json", ".heartbeat", Channel::Manifest),
        ("b", ".heartbeat", "manifest.json", Channel::Heartbeat),
    ] {
        bench.put(run, "x", "");
        let place = bench.run_dir(run).join(blocked);
        fs::create_dir(&place).unwrap();
        fs::write(place.join("kept"), "").unwrap();
        let handle = bench.open(run).await;
        handle.set("{}").await.unwrap();
        let error = handle.schedule(ALL).await.unwrap_err();
        assert_eq!(error.channel(), Some(channel));
        assert_eq!(error.operation(), Some(Operation::Rename));
        assert_eq!(error.path(), Some(format!("{}/{blocked}", directory(run)).as_str()));
        assert_eq!((error.code(), error.retryable()), (Some("is-directory"), false));
        assert_eq!(error.beside(), None);
        assert!(bench.run_dir(run).join(free).is_file());
        assert!(place.join("kept").is_file());
        assert_eq!(bench.names(run), [".heartbeat", "manifest.json", "x"]);

        fs::remove_dir_all(&place).unwrap();
        handle.close().await.unwrap();
        assert!(place.is_file());
    }
}

async fn after_close_nothing_but_the_documented_files_is_left(files: Files) {
    let bench = files.bench().await;
    let run = bench.open("a").await;
    for n in 0..20 {
        run.merge(format!(r#"{{"n": {n}}}"#)).await.unwrap();
        run.schedule(ALL).await.unwrap();
    }
    run.close().await.unwrap();
    assert_eq!(bench.names("a"), [".heartbeat", "manifest.json"]);
    let root = bench.dir.path();
    for (dir, name) in
        [("", ".runs"), (".runs", "task"), (".runs/task", "cli"), (".runs/task/cli", "a")]
    {
        assert_eq!(names_in(&root.join(dir)), [name]);
    }
}

async fn abandoned_temporary_files_are_swept_at_open_and_young_ones_kept(files: Files) {
    let bench = files.bench().await;
    for (name, after_ms, swept) in
        [("a", None, 1), ("b", Some(10_000_000), 0), ("c", Some(1_000), 2)]
    {
        bench.put(name, TEMP, "half");
        bench.put(name, OTHER_TEMP, "half");
        age(&bench.run_dir(name).join(TEMP), 3_700);
        age(&bench.run_dir(name).join(OTHER_TEMP), 3_500);
        let mut options = options(name);
        options.sweep_after = after_ms.map(Duration::from_millis);
        let run = bench.tandem.open_run(options).await.unwrap();
        assert_eq!(run.recovered().swept, swept, "{name}");
        let kept = bench.names(name);
        assert_eq!(kept.len(), 2 - swept as usize, "{name}: {kept:?}");
        assert!(swept != 1 || kept == [OTHER_TEMP]);
    }
}

async fn close_sweeps_too(files: Files) {
    let bench = files.bench().await;
    let run = bench.open_written("a").await;
    bench.put("a", TEMP, "half");
    bench.put("a", OTHER_TEMP, "half");
    age(&bench.run_dir("a").join(TEMP), 3_700);
    run.close().await.unwrap();
    assert_eq!(bench.names("a"), [".heartbeat", OTHER_TEMP, "manifest.json"]);
}

async fn only_files_with_the_name_of_a_temporary_file_are_swept(files: Files) {
    let bench = files.bench().await;
    let near = [
        ".manifest.json.tandem-tmp",
        ".manifest.json.0123.tandem-tmp",
        "manifest.json.0123456789abcdef0123456789abcdef.tandem-tmp",
        "notes.txt",
    ];
    for name in near {
        bench.put("a", name, "mine");
        age(&bench.run_dir("a").join(name), 1_000_000);
    }
    fs::create_dir(bench.run_dir("a").join(TEMP)).unwrap();
    symlink("notes.txt", bench.run_dir("a").join(OTHER_TEMP)).unwrap();
    let run =
        bench.tandem.open_run(options("a").sweep_after(Duration::from_millis(0))).await.unwrap();
    assert_eq!(run.recovered().swept, 0);
    assert_eq!(bench.names("a").len(), near.len() + 2);
}

async fn a_directory_removed_meanwhile_is_made_again(files: Files) {
    let bench = files.bench().await;
    let run = bench.open_written("a").await;
    fs::remove_dir_all(bench.dir.path().join(".runs")).unwrap();
    run.set(r#"{"n": 1}"#).await.unwrap();
    run.schedule(ALL).await.unwrap();
    assert_eq!(bench.names("a"), [".heartbeat", "manifest.json"]);
}

async fn roots_and_names_are_options(files: Files) {
    let bench = files.bench().await;
    let options = options("a").runs_root("state/all runs");
    let options = options.manifest_name("run.json").heartbeat_name("alive");
    let run = bench.tandem.open_run(options).await.unwrap();
    assert_eq!(run.recovered().directory, "state/all runs/task/cli/a");
    run.set(r#"{"n":1}"#).await.unwrap();
    run.schedule(ALL).await.unwrap();
    let dir = bench.dir.path().join("state/all runs/task/cli/a");
    assert_eq!(names_in(&dir), ["alive", "run.json"]);
    assert_eq!(names_in(bench.dir.path()), ["state"]);
    let text = fs::read_to_string(dir.join("run.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["n"], 1);
}
