use super::*;

fn disk() -> (Rc<Memory>, Registry) {
    (Memory::new(), Registry::default())
}

fn temp_name(target: &str, digit: &str) -> String {
    format!("{DIR}/.{target}.{}.tandem-tmp", digit.repeat(32))
}

/// Opens a run on a disk that holds these files, 90 s old.
fn found(files: &[(&str, &[u8])]) -> (Rc<Memory>, Recovery) {
    let disk = Memory::new();
    for (path, content) in files {
        disk.put(path, content, 90_000);
    }
    let (place, recovery) = Place::open(disk, options());
    (place.disk, recovery)
}

#[test]
fn a_new_run_finds_nothing() {
    let (place, recovery) = Place::open(Memory::new(), options());
    assert_eq!(recovery.directory, DIR);
    assert_eq!(
        (recovery.document, recovery.heartbeat, recovery.heartbeat_age_ms),
        (None, None, None)
    );
    assert_eq!((recovery.swept, recovery.set_aside.len()), (0, 0));
    assert!(place.disk.paths().is_empty());
    assert_eq!(place.dirty(), NONE);
}

#[test]
fn a_run_that_exists_comes_back_with_what_is_on_disk() {
    let heartbeat = b"2026-01-06T00:27:16.820Z\n";
    let (disk, recovery) = found(&[(MANIFEST_FILE, b"{ \"n\": 7 }"), (HEARTBEAT_FILE, heartbeat)]);
    assert_eq!(recovery.document.as_deref(), Some("{ \"n\": 7 }"));
    assert_eq!(recovery.heartbeat.as_deref(), Some("2026-01-06T00:27:16.820Z"));
    assert_eq!(recovery.heartbeat_age_ms, Some(90_000));
    assert_eq!((recovery.swept, recovery.set_aside.len()), (0, 0));
    assert_eq!(disk.paths(), [HEARTBEAT_FILE, MANIFEST_FILE], "the probe is gone");
}

#[test]
fn a_byte_order_mark_before_what_is_on_disk_is_read_and_not_kept() {
    let heartbeat = b"\xef\xbb\xbf2026-01-06T00:27:16.820Z\n";
    let (disk, recovery) =
        found(&[(MANIFEST_FILE, b"\xef\xbb\xbf{ \"n\": 7 }"), (HEARTBEAT_FILE, heartbeat)]);
    assert_eq!(recovery.document.as_deref(), Some("{ \"n\": 7 }"));
    assert_eq!(recovery.heartbeat.as_deref(), Some("2026-01-06T00:27:16.820Z"));
    assert_eq!(disk.paths(), [HEARTBEAT_FILE, MANIFEST_FILE]);
}

#[test]
fn a_run_that_exists_goes_on_from_its_document() {
    let place = Place::written();
    place.close().expect("close");
    let (run, _) = place.reopen().expect("open");
    let next = Place { run: Rc::new(run), ..place };
    assert_eq!(next.dirty(), NONE);
    next.run.merge("{\"n\":5}").expect("merge");
    next.flush().expect("flush");
    assert_eq!(next.n(), 5);
}

#[test]
fn what_a_patch_leaves_of_a_manifest_that_was_found_is_indented_too() {
    let disk = Memory::new();
    disk.put(MANIFEST_FILE, b"{\"a\":{\"b\":[1]},\"n\":1}", 0);
    let (place, _) = Place::open(disk, options());
    place.run.merge("{\"n\":2}").expect("merge");
    place.flush().expect("flush");
    let expected = "{\n  \"a\": {\n    \"b\": [\n      1\n    ]\n  },\n  \"n\": 2\n}\n";
    assert_eq!(place.disk.file(MANIFEST_FILE).as_deref(), Some(expected));
}

#[test]
fn a_corrupt_manifest_is_set_aside_and_work_goes_on() {
    let contents: [&[u8]; 8] =
        [b"", b"null", b"{\"n\":", b"\xff\xfe\0", b"[1]", b"{} {}", b"\0\0\0\0", b"{\"a\":1}x"];
    for content in contents {
        let disk = Memory::new();
        disk.put(MANIFEST_FILE, content, 0);
        let (place, recovery) = Place::open(disk, options());
        assert_eq!(recovery.document, None);
        let [aside] = &recovery.set_aside[..] else { panic!("{:?}", recovery.set_aside) };
        assert!(aside.starts_with(&format!("{MANIFEST_FILE}.corrupt-")), "{aside}");
        assert_eq!(place.disk.paths(), std::slice::from_ref(aside));
        assert_eq!(place.disk.bytes(aside).expect("kept"), content);
        place.set(3);
        place.flush().expect("flush");
        assert_eq!(place.n(), 3);
    }
}

#[test]
fn a_corrupt_heartbeat_is_set_aside_and_work_goes_on() {
    let long = [b'x'; 5_000];
    let contents: [&[u8]; 6] =
        [b"", b"null", b"2026-01-06T00:27", b"2026-01-06T00:27:16.820Z", b"\xff\n", &long];
    for content in contents {
        let (disk, recovery) = found(&[(HEARTBEAT_FILE, content)]);
        assert_eq!((recovery.heartbeat, recovery.heartbeat_age_ms), (None, None));
        let [aside] = &recovery.set_aside[..] else { panic!("{:?}", recovery.set_aside) };
        assert!(aside.starts_with(&format!("{HEARTBEAT_FILE}.corrupt-")), "{aside}");
        assert_eq!(disk.paths(), std::slice::from_ref(aside));
    }
}

#[test]
fn both_corrupt_files_are_set_aside_and_reported() {
    let (_, recovery) = found(&[(MANIFEST_FILE, b""), (HEARTBEAT_FILE, b"")]);
    assert_eq!(recovery.set_aside.len(), 2);
}

#[test]
fn a_directory_in_a_files_place_is_an_error_of_that_channel() {
    let disk = Memory::new();
    disk.put_dir(MANIFEST_FILE);
    disk.put(HEARTBEAT_FILE, b"2026-01-06T00:27:16.820Z\n", 0);
    let (place, recovery) = Place::open(disk, options());
    assert_eq!((recovery.document, recovery.set_aside.len()), (None, 0));
    place.set(1);
    place.disk.wall_ms.set(0);
    let first = failure(Channel::Manifest, Operation::Rename, Code::IS_DIRECTORY);
    assert_eq!(place.force(BOTH), Err(Error::Storage { first, beside: None }));
    assert!(place.heartbeat().expect("a heartbeat").starts_with("1970"));
    assert_eq!(place.temp_files(), 0);
}

#[test]
fn a_symbolic_link_in_a_files_place_is_not_followed_but_replaced() {
    let disk = Memory::new();
    disk.put(&format!("{DIR}/other"), b"", 0);
    disk.put_link(MANIFEST_FILE);
    let (place, recovery) = Place::open(disk, options());
    assert_eq!((recovery.document, recovery.set_aside.len()), (None, 0));
    assert_eq!(count(&place.disk.take_calls(), "read"), 0);
    assert!(place.disk.is_link(MANIFEST_FILE));
    place.set(1);
    place.flush().expect("flush");
    assert!(!place.disk.is_link(MANIFEST_FILE));
    assert_eq!(place.n(), 1);
}

#[test]
fn a_manifest_above_the_limit_is_left_alone() {
    let (disk, registry) = disk();
    disk.put(MANIFEST_FILE, b"{\"n\":12345}", 0);
    let limited = RunSettings { max_document_bytes: 10, ..options() };
    let error = open(&disk, &registry, limited).err().expect("too large");
    let path = Some(MANIFEST_FILE.to_owned());
    assert_eq!(
        error,
        Error::TooLarge {
            channel: Channel::Manifest,
            what: "manifest on the disk",
            option: "max_document_bytes",
            path,
            bytes: 11,
            limit: 10
        }
    );
    assert_eq!(disk.paths(), [MANIFEST_FILE]);
    assert_eq!(count(&disk.take_calls(), "read"), 0, "it would take memory that is not counted");
    open(&disk, &registry, options()).expect("an open that fails frees its place");
}

#[test]
fn open_sweeps_temp_files_that_are_old_by_the_disks_clock() {
    let (disk, registry) = disk();
    // No other clock has a say: this one is far away.
    disk.wall_ms.set(9_000_000_000_000);
    let old = [temp_name("manifest.json", "a"), temp_name("heartbeat", "0")];
    for name in &old {
        disk.put(name, b"half", 3_600_001);
    }
    disk.put(&temp_name("manifest.json", "b"), b"half", 3_600_000);
    let (_, recovery) = open(&disk, &registry, options()).expect("open");
    assert_eq!(recovery.swept, 2);
    assert_eq!(disk.paths(), [temp_name("manifest.json", "b")]);
}

#[test]
fn open_sweeps_nothing_but_temp_names() {
    let (disk, registry) = disk();
    let names = [
        "manifest.json",
        "notes.txt",
        ".manifest.json.tandem-tmp",
        "manifest.json.corrupt-0123456789abcdef",
        ".manifest.json.0123456789abcdef.tmp",
    ];
    for name in names {
        disk.put(&format!("{DIR}/{name}"), b"{}", 1_000_000_000);
    }
    disk.put_dir(&temp_name("manifest.json", "a"));
    let (_, recovery) = open(&disk, &registry, options()).expect("open");
    assert_eq!((recovery.swept, disk.paths().len()), (0, names.len()));
}

#[test]
fn sweep_after_is_an_option() {
    let (disk, registry) = disk();
    disk.put(&temp_name("manifest.json", "a"), b"", 1);
    let eager = RunSettings { sweep_after: std::time::Duration::ZERO, ..options() };
    assert_eq!(open(&disk, &registry, eager).expect("open").1.swept, 1);
}

#[test]
fn a_temp_file_that_cannot_be_removed_is_left_for_the_next_open() {
    let (disk, registry) = disk();
    let name = temp_name("manifest.json", "a");
    disk.put(&name, b"", 3_600_001);
    disk.fail(&format!("remove {name}"), Code("access"), false);
    let (run, recovery) = open(&disk, &registry, options()).expect("open");
    assert_eq!(recovery.swept, 0);
    drop(run);
    assert_eq!(open(&disk, &registry, options()).expect("open").1.swept, 1);
}

#[test]
fn a_second_open_of_an_open_run_is_already_open() {
    let place = Place::new();
    let error = place.reopen().err().expect("open already");
    assert_eq!(error, Error::AlreadyOpen { path: DIR.to_owned() });
    open(&place.disk, &place.registry, RunSettings::with_defaults("task", "other"))
        .expect("another run");
}

#[test]
fn an_open_that_waits_holds_its_place() {
    let (disk, registry) = disk();
    disk.hold("create-dir");
    let (storage, shared) = (disk.clone(), registry.clone());
    let first =
        disk.start(async move { Run::open(storage, &shared, &unlimited(), options()).await });
    disk.settle();
    assert!(matches!(open(&disk, &registry, options()), Err(Error::AlreadyOpen { .. })));
    disk.release("create-dir");
    first.take().expect("an outcome").expect("open");
}

#[test]
fn an_open_that_fails_frees_its_place() {
    for (fault, operation, channel, path) in [
        ("open-dir", Operation::Open, None, DIR),
        ("create-file", Operation::Open, None, DIR),
        ("list", Operation::List, None, DIR),
        ("stat .runs/task/cli/run/.probe", Operation::Stat, None, DIR),
        ("stat .runs/task/cli/run/m", Operation::Stat, Some(Channel::Manifest), MANIFEST_FILE),
        ("read .runs/task/cli/run/m", Operation::Read, Some(Channel::Manifest), MANIFEST_FILE),
        ("rename", Operation::Rename, Some(Channel::Heartbeat), HEARTBEAT_FILE),
    ] {
        let (disk, registry) = disk();
        disk.put(MANIFEST_FILE, b"{}", 0);
        disk.put(HEARTBEAT_FILE, b"", 0);
        disk.fail(fault, IO, false);
        let error = open(&disk, &registry, options()).err().expect(fault);
        let path = path.to_owned();
        assert_eq!(error, Failure { channel, operation, path, code: IO }.into());
        assert_eq!(disk.paths().len(), 2, "{fault}: the probe is gone");
        open(&disk, &registry, options()).expect(fault);
    }
}

#[test]
fn a_directory_that_cannot_be_created_is_told() {
    let (disk, registry) = disk();
    disk.fail("create-dir .runs/task", Code("read-only"), false);
    let error = open(&disk, &registry, options()).err().expect("read-only");
    let path = ".runs/task".to_owned();
    let operation = Operation::CreateDirectory;
    assert_eq!(error, Failure { channel: None, operation, path, code: Code("read-only") }.into());
}

#[test]
fn a_bad_id_is_refused_before_anything_touches_the_disk() {
    let (disk, registry) = disk();
    let error = open(&disk, &registry, RunSettings::with_defaults("task", "../run"))
        .err()
        .expect("refused");
    assert!(matches!(error, Error::InvalidId(_)));
    assert!(disk.take_calls().is_empty());
}

#[test]
fn what_another_writer_puts_there_while_the_directory_is_created_is_found() {
    let (disk, registry) = disk();
    disk.hold("create-dir");
    let opening = disk.start({
        let disk = disk.clone();
        async move { Run::open(disk, &registry, &unlimited(), options()).await }
    });
    disk.settle();
    disk.put(MANIFEST_FILE, b"{\"n\":7}", 0);
    disk.release("create-dir");
    let (_run, recovery) = opening.take().expect("it has ended").unwrap();
    assert_eq!(recovery.document.as_deref(), Some("{\"n\":7}"));
}
