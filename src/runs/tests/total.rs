//! The documents of all open runs.

use super::*;

const FILE_BYTES: u64 = 13;

fn open_counted(
    disk: &Rc<Memory>,
    registry: &Registry,
    documents: &Rc<Documents>,
    run_id: &str,
) -> Opened {
    let (storage, registry, documents) = (disk.clone(), registry.clone(), documents.clone());
    let settings = RunSettings::with_defaults("task", run_id);
    disk.run(async move { Run::open(storage, &registry, &documents, settings).await })
}

fn is_too_large<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    let message = result.expect_err("too large").to_string();
    message.starts_with("all that is open takes ")
}

#[test]
fn a_change_that_would_exceed_the_total_is_refused_and_changes_nothing() {
    let (disk, registry) = (Memory::new(), Registry::default());
    let documents = Documents::new(2 * FILE_BYTES);
    let open = |id| open_counted(&disk, &registry, &documents, id).expect("open").0;
    let [a, b] = ["a", "b"].map(open);
    a.set("{\"n\":1}").expect("13 bytes");
    b.set("{\"n\":1}").expect("13 bytes");
    assert!(is_too_large(b.set("{\"n\":12}")));
    assert!(is_too_large(b.merge("{\"n\":12}")));
    assert_eq!(b.stats().revision, 1);
    a.set("{}").expect("it does not grow");
    b.set("{\"n\":12}").expect("there is room");
}

#[test]
fn what_a_run_had_is_given_back_when_it_ends() {
    let (disk, registry) = (Memory::new(), Registry::default());
    let documents = Documents::new(FILE_BYTES);
    let a = open_counted(&disk, &registry, &documents, "a").expect("open").0;
    a.set("{\"n\":1}").expect("13 bytes");
    let a = disk.run(async move { a.close().await.map(|_| a) }).expect("closed");
    let b = open_counted(&disk, &registry, &documents, "b").expect("open").0;
    b.set("{\"n\":1}").expect("the closed run has nothing, though its handle is there");
    drop((a, b));
    let c = open_counted(&disk, &registry, &documents, "c").expect("open").0;
    c.set("{\"n\":1}").expect("the dropped run has nothing");
}

#[test]
fn an_open_that_would_exceed_the_total_is_refused_before_the_manifest_is_read() {
    let (disk, registry) = (Memory::new(), Registry::default());
    disk.put(MANIFEST_FILE, b"{\n  \"n\": 1\n}\n", 0);
    let documents = Documents::new(FILE_BYTES - 1);
    assert!(is_too_large(open_counted(&disk, &registry, &documents, "run").map(drop)));
    assert_eq!(count(&disk.take_calls(), "read"), 0);
    assert!(disk.file(MANIFEST_FILE).is_some());
    let documents = Documents::new(FILE_BYTES);
    let (run, _) = open_counted(&disk, &registry, &documents, "run").expect("it fits");
    assert!(is_too_large(run.set("{\"n\":12}")));
}

#[test]
fn a_corrupt_manifest_counts_for_nothing() {
    let (disk, registry) = (Memory::new(), Registry::default());
    disk.put(MANIFEST_FILE, b"{\n  \"n\": 1", 0);
    let documents = Documents::new(FILE_BYTES);
    let (run, recovery) = open_counted(&disk, &registry, &documents, "run").expect("open");
    assert_eq!(recovery.set_aside.len(), 1);
    run.set("{\"n\":1}").expect("13 bytes");
}
