//! [`OsDisk`] and the layers.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;

use futures::FutureExt;

use super::Purpose::{Named, Temporary};
use super::*;
use crate::testing::DiskOperation::{CreateFile, RemoveFile, Rename, Stat, Write};
use crate::testing::*;

fn disk() -> (tempfile::TempDir, OsDisk) {
    let dir = tempfile::tempdir().unwrap();
    let disk = OsDisk::open(dir.path()).unwrap().forgiving();
    (dir, disk)
}

#[tokio::test]
async fn a_file_is_created_written_synced_renamed_and_read() {
    let (_dir, disk) = disk();
    let root = disk.root();
    disk.create_dir(&root, "a").await.unwrap();
    disk.create_dir(&root, "a/b").await.unwrap();
    let b = disk.open_dir(&root, "a/b").await.unwrap();
    let file = disk.create_file(&b, "new", Named).await.unwrap();
    disk.write(&file, 0, b"hello ").await.unwrap();
    disk.write(&file, 6, b"world").await.unwrap();
    disk.sync_data(&file).await.unwrap();
    disk.rename(&b, "new", &root, "a/old", Mode::Own).await.unwrap();
    disk.sync_dir(&b).await.unwrap();
    disk.sync_dir(&root).await.unwrap();

    let file = disk.open_file(&root, "a/old").await.unwrap();
    assert_eq!(disk.read(&file, 0, 5).await.unwrap(), b"hello");
    assert_eq!(disk.read(&file, 6, 100).await.unwrap(), b"world");
    assert_eq!(disk.read(&file, 11, 100).await.unwrap(), b"");
    let stat = disk.stat(&root, "a/old").await.unwrap();
    assert_eq!((stat.kind, stat.size), (Kind::File, 11));
    assert_eq!(disk.stat(&root, "a/b").await.unwrap().kind, Kind::Directory);
    disk.remove_file(&root, "a/old").await.unwrap();
    assert_eq!(disk.stat(&root, "a/old").await.unwrap_err(), ErrorCode::NoEntry);
}

#[tokio::test]
async fn a_directory_is_renamed_with_what_is_in_it_and_removed_when_it_is_empty() {
    let (dir, disk) = disk();
    let root = disk.root();
    disk.create_dir(&root, "a").await.unwrap();
    disk.create_dir(&root, "a/b").await.unwrap();
    disk.create_file(&root, "a/b/file", Named).await.unwrap();
    let a = disk.open_subdir(&root, "a").await.unwrap();
    disk.rename(&a, "b", &root, TEMP, Mode::Own).await.unwrap();
    assert!(dir.path().join(TEMP).join("file").exists());
    assert_eq!(disk.remove_dir(&root, TEMP).await, Err(ErrorCode::NotEmpty));
    assert_eq!(disk.remove_dir(&root, "b").await, Err(ErrorCode::NoEntry));
    let renamed = disk.open_subdir(&root, TEMP).await.unwrap();
    disk.remove_file(&renamed, "file").await.unwrap();
    disk.remove_dir(&root, TEMP).await.unwrap();
    disk.remove_dir(&root, "a").await.unwrap();
    assert_eq!(disk.read_dir(&root).await, Ok(vec![]));
}

#[tokio::test]
async fn a_link_to_a_directory_is_no_directory_in_another() {
    let (dir, disk) = disk();
    let root = disk.root();
    disk.create_dir(&root, "a").await.unwrap();
    symlink("a", dir.path().join("link")).unwrap();
    assert!(disk.open_dir(&root, "link").await.is_ok());
    assert!(disk.open_subdir(&root, "link").await.is_err());
    assert!(disk.remove_dir(&root, "link").await.is_err());
    disk.remove_file(&root, "link").await.unwrap();
    assert!(dir.path().join("a").exists());
}

/// The mode of a file, and with which the process creates one.
fn modes(path: &std::path::Path) -> (u32, u32) {
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    let plain = path.with_file_name("plain");
    std::fs::write(&plain, "").unwrap();
    (mode(path), mode(&plain))
}

const TEMP: &str = ".a.0123456789abcdef0123456789abcdef.tandem-tmp";

#[tokio::test]
async fn a_temporary_file_is_its_owner_s_alone_until_it_is_renamed() {
    let (dir, disk) = disk();
    let root = disk.root();
    disk.create_file(&root, TEMP, Temporary).await.unwrap();
    assert_eq!(modes(&dir.path().join(TEMP)).0, 0o600);
    disk.rename(&root, TEMP, &root, "a", Mode::Of("a")).await.unwrap();
    let (renamed, usual) = modes(&dir.path().join("a"));
    assert_eq!(renamed, usual, "nothing was there, so the umask decides");
}

#[tokio::test]
async fn a_renamed_temporary_file_has_the_permissions_of_what_it_replaces() {
    let (dir, disk) = disk();
    let (root, path) = (disk.root(), dir.path().join("a"));
    std::fs::write(&path, "old").unwrap();
    for (old, new) in [(0o640, 0o640), (0o604, 0o604), (0o200, 0o200), (0o4755, 0o755)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(old)).unwrap();
        disk.create_file(&root, TEMP, Temporary).await.unwrap();
        disk.rename(&root, TEMP, &root, "a", Mode::Of("a")).await.unwrap();
        assert_eq!(modes(&path).0, new, "{old:o}");
    }
}

#[tokio::test]
async fn a_chosen_mode_holds_whatever_stood_there() {
    for (mode, dir_mode) in [(0o600, 0o700), (0o640, 0o750), (0o666, 0o777), (0o622, 0o722)] {
        let (dir, disk) = disk();
        let (root, disk) = (disk.root(), disk.mode(mode));
        let path = |name: &str| dir.path().join(name);
        disk.create_dir(&root, "dir").await.unwrap();
        assert_eq!(modes(&path("dir")).0, dir_mode);
        disk.create_file(&root, "lock", Named).await.unwrap();
        assert_eq!(modes(&path("lock")).0, mode);
        for old in [None, Some(0o604), Some(0o400)] {
            if let Some(old) = old {
                let old = std::fs::Permissions::from_mode(old);
                std::fs::set_permissions(path("a"), old).unwrap();
            }
            disk.create_file(&root, TEMP, Temporary).await.unwrap();
            disk.rename(&root, TEMP, &root, "a", Mode::Of("a")).await.unwrap();
            assert_eq!(modes(&path("a")).0, mode, "{old:?}");
        }
    }
    let (dir, disk) = disk();
    disk.clone().mode(0o7111).create_file(&disk.root(), "lock", Named).await.unwrap();
    assert_eq!(modes(&dir.path().join("lock")).0, 0o600);
}

#[tokio::test]
async fn what_a_replaced_link_points_to_lends_no_permissions() {
    let (dir, disk) = disk();
    let (root, path) = (disk.root(), dir.path().join("a"));
    let target = dir.path().join("target");
    std::fs::write(&target, "").unwrap();
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o777)).unwrap();
    symlink("target", &path).unwrap();
    disk.create_file(&root, TEMP, Temporary).await.unwrap();
    disk.rename(&root, TEMP, &root, "a", Mode::Of("a")).await.unwrap();
    let (renamed, usual) = modes(&path);
    assert_eq!(renamed, usual);
    assert_eq!(modes(&target).0, 0o777, "what it points to stays untouched");
}

#[tokio::test]
async fn other_files_have_the_usual_permissions() {
    let (dir, disk) = disk();
    let root = disk.root();
    disk.create_file(&root, "a.lock", Named).await.unwrap();
    disk.rename(&root, "a.lock", &root, "b", Mode::Own).await.unwrap();
    let (renamed, usual) = modes(&dir.path().join("b"));
    assert_eq!(renamed, usual);
}

#[test]
fn cheap_calls_are_made_where_they_are_asked_for_and_others_on_workers() {
    let (_dir, disk) = disk();
    let workers = disk.clone().threads(Threads::Workers).at_most(1);
    let disk = disk.at_most(1);
    // The only worker is busy, so that nothing that needs it can end.
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Arc::new(std::sync::Mutex::new(released));
    let busy = |disk: &OsDisk| {
        let released = released.clone();
        disk.start(move || {
            let _ = released.lock().unwrap().recv();
        });
    };
    busy(&workers);
    busy(&disk);
    let root = disk.root();
    assert!(workers.create_file(&root, "a", Named).now_or_never().is_none());
    assert!(workers.stat(&root, "a").now_or_never().is_none());

    let file = disk.create_file(&root, "b", Named).now_or_never().unwrap().unwrap();
    assert_eq!(disk.write(&file, 0, &vec![1; 256 * 1024]).now_or_never(), Some(Ok(())));
    assert!(disk.stat(&root, "b").now_or_never().is_some());
    assert!(disk.rename(&root, "b", &root, "c", Mode::Own).now_or_never().is_some());
    assert!(disk.open_dir(&root, ".").now_or_never().is_some());
    assert!(disk.remove_file(&root, "c").now_or_never().is_some());
    // These wait for the device, or copy for long.
    assert!(disk.write(&file, 0, &vec![1; 256 * 1024 + 1]).now_or_never().is_none());
    assert!(disk.sync_data(&file).now_or_never().is_none());
    assert!(disk.sync_dir(&root).now_or_never().is_none());
    assert!(disk.read_dir(&root).now_or_never().is_none());
    drop(release);
}

/// How many files that are gone from `directory` this process still holds open.
#[cfg(target_os = "linux")]
fn held(directory: &std::path::Path) -> usize {
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok())
        .filter(|target| target.starts_with(directory))
        .filter(|target| target.to_string_lossy().ends_with(" (deleted)"))
        .count()
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_replaced_file_is_closed_by_a_worker_and_not_by_the_rename() {
    let (dir, disk) = disk();
    let disk = disk.at_most(1);
    let root = disk.root();
    let (go, gone) = std::sync::mpsc::channel::<()>();
    // As long as the only worker is busy.
    disk.start(move || {
        let _ = gone.recv();
    });
    for n in 0..100_usize {
        disk.create_file(&root, TEMP, Temporary).await.unwrap();
        disk.rename(&root, TEMP, &root, "a", Mode::Of("a")).await.unwrap();
        // The first replaces none; more than 64 do not pile up.
        assert_eq!(held(dir.path()), n.min(64));
    }
    go.send(()).unwrap();
    let (done, told) = tokio::sync::oneshot::channel();
    disk.start(move || done.send(()).unwrap());
    told.await.unwrap();
    assert_eq!(held(dir.path()), 0);
}

#[tokio::test]
async fn a_copy_of_a_corrupt_file_is_as_private_as_that_file() {
    let (dir, disk) = disk();
    let (root, path) = (disk.root(), dir.path().join("a"));
    std::fs::write(&path, "corrupt").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let aside = "a.corrupt-0123456789abcdef";
    disk.create_file(&root, TEMP, Temporary).await.unwrap();
    disk.rename(&root, TEMP, &root, aside, Mode::Of("a")).await.unwrap();
    assert_eq!(modes(&dir.path().join(aside)).0, 0o600);
}

#[tokio::test]
async fn another_file_s_second_name_lends_it_no_mode() {
    let (dir, disk) = disk();
    let (root, other) = (disk.root(), dir.path().join("other"));
    std::fs::write(&other, "").unwrap();
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::hard_link(&other, dir.path().join(TEMP)).unwrap();
    disk.rename(&root, TEMP, &root, "a", Mode::Of("a")).await.unwrap();
    assert_eq!(modes(&other).0, 0o600);
}

#[tokio::test]
async fn a_directory_lists_what_is_in_it() {
    let (dir, disk) = disk();
    std::fs::write(dir.path().join("file"), "x").unwrap();
    std::fs::create_dir(dir.path().join("dir")).unwrap();
    symlink("file", dir.path().join("link")).unwrap();
    let mut entries = disk.read_dir(&disk.root()).await.unwrap();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let entries: Vec<_> = entries.iter().map(|e| (&*e.name, e.kind)).collect();
    assert_eq!(entries, [("dir", Kind::Directory), ("file", Kind::File), ("link", Kind::Link)]);
}

#[tokio::test]
async fn nothing_outside_the_root_can_be_reached() {
    let (dir, disk) = disk();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "x").unwrap();
    symlink(outside.path(), dir.path().join("out")).unwrap();
    std::fs::create_dir(dir.path().join("in")).unwrap();
    let root = disk.root();
    let inner = disk.open_dir(&root, "in").await.unwrap();
    for path in ["../in", "..", "out/secret", "/etc/passwd", "in/../../x"] {
        let codes = [
            disk.open_file(&root, path).await.err(),
            disk.open_dir(&root, path).await.err(),
            disk.create_file(&root, path, Named).await.err(),
            disk.stat(&root, path).await.err(),
            disk.remove_file(&root, path).await.err(),
        ];
        assert_eq!(codes, [Some(ErrorCode::NotPermitted); 5], "{path}");
    }
    // A handle of a directory grants that directory, not the root.
    assert_eq!(disk.open_dir(&inner, "../in").await.unwrap_err(), ErrorCode::NotPermitted);
    assert!(outside.path().join("secret").exists());
}

#[tokio::test]
async fn a_file_is_opened_only_if_it_is_one_and_without_waiting() {
    let (dir, disk) = disk();
    std::fs::write(dir.path().join("file"), "x").unwrap();
    symlink("file", dir.path().join("link")).unwrap();
    std::fs::create_dir(dir.path().join("dir")).unwrap();
    symlink("dir", dir.path().join("dirlink")).unwrap();
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        dir.path().join("pipe"),
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
    )
    .unwrap();
    let root = disk.root();
    for (path, code) in [
        ("link", ErrorCode::Loop),
        ("dir", ErrorCode::IsDirectory),
        (".", ErrorCode::IsDirectory),
        ("pipe", ErrorCode::Invalid),
        ("file/", ErrorCode::NotDirectory),
        ("file/x", ErrorCode::NotDirectory),
        ("none", ErrorCode::NoEntry),
        ("", ErrorCode::NoEntry),
    ] {
        assert_eq!(disk.open_file(&root, path).await.unwrap_err(), code, "{path}");
    }
    disk.open_file(&root, "dirlink/../file").await.unwrap();
    disk.open_dir(&root, "dirlink").await.unwrap();
    assert_eq!(disk.open_dir(&root, "file").await.unwrap_err(), ErrorCode::NotDirectory);
    for name in ["file", "link", "dir", "pipe"] {
        assert_eq!(
            disk.create_file(&root, name, Named).await.unwrap_err(),
            ErrorCode::Exist,
            "{name}"
        );
    }
    disk.open_file(&root, "file").await.unwrap();
}

#[tokio::test]
async fn the_root_must_be_a_directory() {
    let (dir, _) = disk();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    assert_eq!(OsDisk::open(&file).unwrap_err().kind(), std::io::ErrorKind::NotADirectory);
    let missing = OsDisk::open(dir.path().join("missing")).unwrap_err();
    assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn a_record_tells_calls_in_order_with_their_paths() {
    let (_dir, disk) = disk();
    let record = Record::new();
    let disk = disk.layered(record.clone());
    let root = disk.root();
    disk.create_dir(&root, "a").await.unwrap();
    let a = disk.open_dir(&root, "a").await.unwrap();
    let file = disk.create_file(&a, "x", Named).await.unwrap();
    disk.write(&file, 0, &[0; 10]).await.unwrap();
    disk.rename(&a, "x", &root, "y", Mode::Own).await.unwrap();
    assert!(disk.open_file(&a, "x").await.is_err());
    let started: Vec<_> = record.started().iter().map(ToString::to_string).collect();
    assert_eq!(
        started,
        [
            "CreateDir a",
            "OpenDir a",
            "CreateFile a/x",
            "Write a/x",
            "Rename a/x -> y",
            "OpenFile a/x"
        ]
    );
    let events = record.take();
    assert_eq!(events.len(), 12);
    assert_eq!(events[7].call.bytes, 10);
    assert_eq!(events[11].moment, Moment::Ended(Err(ErrorCode::NoEntry)));
    assert!(record.events().is_empty());
}

#[tokio::test]
async fn faults_hit_the_nth_call_before_or_after_its_effect() {
    let (dir, disk) = disk();
    let (record, fail) = (Record::new(), Fail::new());
    let disk = disk.layered(record.clone()).layered(fail.clone());
    let root = disk.root();
    fail.add(Fault::new(ErrorCode::Io, |call| call.operation == CreateFile).nth(2));
    assert!(disk.create_file(&root, "a", Named).await.is_ok());
    assert_eq!(disk.create_file(&root, "b", Named).await.unwrap_err(), ErrorCode::Io);
    assert!(disk.create_file(&root, "c", Named).await.is_ok());
    assert!(!dir.path().join("b").exists());
    assert_eq!(record.count(|call| call.operation == CreateFile), 2);

    fail.add(Fault::new(ErrorCode::Busy, |call| call.operation == Rename).after_effect());
    assert_eq!(disk.rename(&root, "a", &root, "d", Mode::Own).await.unwrap_err(), ErrorCode::Busy);
    assert!(dir.path().join("d").exists());

    fail.add(Fault::new(ErrorCode::Quota, |call| call.operation == Stat).nth(2).sticky());
    assert!(disk.stat(&root, "d").await.is_ok());
    for _ in 0..3 {
        assert_eq!(disk.stat(&root, "d").await.unwrap_err(), ErrorCode::Quota);
    }
    assert_eq!(fail.injected(), 5);
    fail.clear();
    assert!(disk.stat(&root, "d").await.is_ok());
}

#[tokio::test]
async fn a_gate_holds_calls_until_another_was_issued() {
    let (_dir, disk) = disk();
    let (record, hold) = (Record::new(), Hold::new());
    let disk = Arc::new(disk.layered(record.clone()).layered(hold.clone()));
    let root = disk.root();
    let first = disk.create_file(&root, "first", Named).await.unwrap();
    let second = disk.create_file(&root, "second", Named).await.unwrap();
    let gate = hold.until(|call| call.is(Write, "first"), |call| call.is(Write, "second"));
    let writing = tokio::spawn({
        let disk = disk.clone();
        async move { disk.write(&first, 0, b"x").await }
    });
    gate.reached(1).await;
    assert_eq!(record.count(|call| call.operation == Write), 0);
    disk.write(&second, 0, b"y").await.unwrap();
    writing.await.unwrap().unwrap();
    assert_eq!(gate.held(), 0);

    let after = hold.after(|call| call.operation == Rename);
    let renaming = tokio::spawn({
        let (disk, root) = (disk.clone(), root.clone());
        async move { disk.rename(&root, "first", &root, "third", Mode::Own).await }
    });
    after.reached(1).await;
    assert!(disk.stat(&root, "third").await.is_ok());
    after.release();
    renaming.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_name_that_is_not_utf_8_hides_no_other() {
    use std::os::unix::ffi::OsStrExt;

    let (dir, disk) = disk();
    std::fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"\xff")), "").unwrap();
    std::fs::write(dir.path().join("a"), "").unwrap();
    let names: Vec<_> = disk.read_dir(&disk.root()).await.unwrap();
    assert_eq!(names.iter().map(|entry| &*entry.name).collect::<Vec<_>>(), ["a"]);
}

const TAKEOVER: &str = ".takeover/.x.lock.0123456789abcdef0123456789abcdef.tandem-tmp";

#[tokio::test]
async fn a_file_of_a_directory_below_takes_the_place_of_one_that_is_open() {
    let (dir, disk) = disk();
    let record = Record::new();
    let disk = disk.layered(record.clone());
    let root = disk.root();
    disk.create_dir(&root, "runs").await.unwrap();
    let runs = disk.open_dir(&root, "runs").await.unwrap();
    let old = disk.create_file(&runs, "x.lock", Named).await.unwrap();
    disk.write(&old, 0, b"old").await.unwrap();
    disk.create_dir(&runs, ".takeover").await.unwrap();
    let new = disk.create_file(&runs, TAKEOVER, Temporary).await.unwrap();
    disk.write(&new, 0, b"new").await.unwrap();
    assert_eq!(disk.create_file(&runs, "x.lock", Named).await.unwrap_err(), ErrorCode::Exist);
    disk.rename(&runs, TAKEOVER, &runs, "x.lock", Mode::Of("x.lock")).await.unwrap();

    let text = || std::fs::read(dir.path().join("runs/x.lock")).unwrap();
    assert_eq!(text(), b"new");
    // The old holder writes into its own file, which has lost its name.
    disk.write(&old, 0, b"late").await.unwrap();
    assert_eq!(text(), b"new");
    disk.write(&new, 0, b"NEW").await.unwrap();
    assert_eq!(text(), b"NEW");
    assert_eq!(disk.stat(&runs, TAKEOVER).await.unwrap_err(), ErrorCode::NoEntry);
    assert_eq!(disk.remove_file(&runs, TAKEOVER).await.unwrap_err(), ErrorCode::NoEntry);
    disk.rename(&runs, "x.lock", &runs, ".takeover/x", Mode::Own).await.unwrap();
    disk.remove_file(&runs, ".takeover/x").await.unwrap();
    assert!(disk.read_dir(&runs).await.unwrap().iter().all(|entry| entry.name == ".takeover"));

    let takeover = record.started().into_iter().find(|call| call.is(Rename, "x.lock")).unwrap();
    assert!(takeover.is_temporary());
    assert_eq!(takeover.to_string(), format!("Rename runs/{TAKEOVER} -> runs/x.lock"));
    // The temporary file counts as the lock that it is to become.
    assert_eq!(record.count(|call| call.is(CreateFile, "x.lock")), 3);
    assert_eq!(record.count(|call| call.is(RemoveFile, "x.lock")), 1);
    assert_eq!(record.count(|call| call.is(Write, "x.lock")), 4);
}

#[tokio::test]
async fn a_file_that_is_written_again_shows_a_newer_time() {
    let (_dir, disk) = disk();
    let root = disk.root();
    let file = disk.create_file(&root, "x.lock", Named).await.unwrap();
    let content = b"{\"token\":1}".to_vec();
    let mut times = Vec::new();
    for _ in 0..3 {
        disk.write(&file, 0, &content).await.unwrap();
        let stat = disk.stat(&root, "x.lock").await.unwrap();
        assert_eq!(stat.size, content.len() as u64);
        times.push(stat.modified.unwrap());
        // More than the clock of any file system needs to move.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
    let reader = disk.open_file(&root, "x.lock").await.unwrap();
    assert_eq!(disk.read(&reader, 0, 100).await.unwrap(), content);
}

#[tokio::test]
async fn a_file_is_read_whole_and_what_is_read_less_is_the_end() {
    let (dir, disk) = disk();
    let root = disk.root();
    let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(dir.path().join("a"), &content).unwrap();
    let file = disk.open_file(&root, "a").await.unwrap();
    assert_eq!(disk.read(&file, 0, content.len()).await.unwrap(), content);
    assert_eq!(disk.read(&file, 0, usize::MAX).await.unwrap(), content);
    assert_eq!(disk.read(&file, 7, 1_000).await.unwrap(), content[7..1_007]);
    // What takes its name is another file.
    std::fs::write(dir.path().join("b"), "new").unwrap();
    disk.rename(&root, "b", &root, "a", Mode::Own).await.unwrap();
    assert_eq!(disk.read(&file, 399_999, 10).await.unwrap(), content[399_999..]);
    assert!(disk.read(&file, 400_000, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_was_written_is_overwritten_at_any_offset_through_its_handle() {
    for threads in [Threads::InPlace, Threads::Workers] {
        let (dir, disk) = disk();
        let disk = disk.threads(threads);
        let root = disk.root();
        let file = disk.create_file(&root, "journal", Named).await.unwrap();
        disk.write(&file, 0, b"0123456789").await.unwrap();
        disk.write(&file, 2, b"xy").await.unwrap();
        disk.rename(&root, "journal", &root, "moved", Mode::Own).await.unwrap();
        disk.write(&file, 8, b"abc").await.unwrap();
        assert_eq!(std::fs::read(dir.path().join("moved")).unwrap(), b"01xy4567abc");
    }
}

#[tokio::test]
async fn no_path_with_several_steps_leads_out_of_the_root() {
    let (dir, disk) = disk();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), dir.path().join(".takeover")).unwrap();
    std::fs::write(dir.path().join("x.lock"), "mine").unwrap();
    let root = disk.root();
    assert_eq!(
        disk.create_file(&root, TAKEOVER, Temporary).await.unwrap_err(),
        ErrorCode::NotPermitted
    );
    for to in [TAKEOVER, "../x.lock", ".takeover/x.lock"] {
        let code = disk.rename(&root, "x.lock", &root, to, Mode::Own).await.unwrap_err();
        assert_eq!(code, ErrorCode::NotPermitted, "{to}");
    }
    assert!(dir.path().join("x.lock").exists());
    assert!(std::fs::read_dir(outside.path()).unwrap().next().is_none());
}
