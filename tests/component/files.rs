//! What stands on the disk.

use std::fs;
use std::io::{Read, Seek};
use std::os::unix::fs::MetadataExt;

use tandem_host::{Channel, Operation};

use crate::support::{ALL, Files, directory, on_every_host};

on_every_host!(
    a_merge_keeps_what_it_does_not_change,
    a_heartbeat_is_one_utc_time_of_25_bytes,
    each_file_is_replaced_and_an_open_reader_keeps_the_old_one,
    a_directory_in_a_files_place_fails_that_channel_and_no_other,
);

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
