//! A disk that is driven by hand, as whoever tries a component of their own does.

use futures::FutureExt;
use tandem_host::disk::{Disk, ErrorCode, Purpose};
use tandem_simulator::sim::{DiskOperation, Fault, Limits, Model, SimDisk};

fn disk(model: &str) -> SimDisk {
    SimDisk::new(Model::find(model).expect("a model"), 1)
}

#[test]
fn a_call_stands_still_until_it_is_completed() {
    let disk = disk("xfs");
    disk.hold();
    disk.keep_log();
    let root = disk.root();
    let other = disk.of_process(3);
    let mut create = Box::pin(other.create_file(&root, "a", Purpose::Named));
    assert!((&mut create).now_or_never().is_none());
    assert_eq!(disk.files(), []);
    let waiting = disk.waiting();
    assert_eq!((waiting.len(), waiting[0].process), (1, 3));
    assert!(waiting[0].call.is(DiskOperation::CreateFile, "a"));
    assert!(!disk.complete(waiting[0].id, None), "no fault was asked for");
    assert!((&mut create).now_or_never().expect("an answer").is_ok());
    assert_eq!(disk.files(), [("a".to_owned(), Some(Vec::new()))]);
    assert_eq!(disk.log().len(), 1);
    assert!(!disk.complete(waiting[0].id, None), "it is over");
    assert_eq!(disk.log().len(), 1);
}

#[test]
fn a_call_fails_before_its_effect_or_after_it() {
    for (fault, is_there) in
        [(Fault::Before(ErrorCode::Io), false), (Fault::After(ErrorCode::Io), true)]
    {
        let disk = disk("xfs");
        disk.hold();
        let root = disk.root();
        let mut create = Box::pin(disk.create_file(&root, "a", Purpose::Named));
        assert!((&mut create).now_or_never().is_none());
        assert!(disk.complete(disk.waiting()[0].id, Some(fault)));
        let answer = (&mut create).now_or_never().expect("an answer");
        assert_eq!(answer.err(), Some(ErrorCode::Io));
        assert_eq!(disk.content("a").is_some(), is_there);
    }
}

#[test]
fn a_killed_process_loses_nothing_and_a_power_loss_what_was_not_synced() {
    let disk = disk("posix-weak");
    let root = disk.root();
    disk.create_file(&root, "a", Purpose::Named)
        .now_or_never()
        .expect("an answer")
        .expect("a file");
    assert_eq!(disk.after_kill(2).files(), disk.files());
    let mut seen = Vec::new();
    assert!(disk.each_power_loss(Limits::default(), |_| None, 2, |after| seen.push(after.files())));
    seen.sort();
    assert_eq!(seen, [vec![], disk.files()]);
}

#[test]
fn scratch_files_that_nobody_reads_make_no_states_of_their_own() {
    fn count(scratch: fn(&str) -> Option<&str>) -> usize {
        let disk = disk("posix-weak");
        let root = disk.root();
        let work = async {
            let file = disk.create_file(&root, "a.tmp", Purpose::Temporary).await?;
            disk.write(&file, 0, b"new").await
        };
        work.now_or_never().expect("an answer").expect("a disk that works");
        let mut count = 0;
        assert!(disk.each_power_loss(Limits::default(), scratch, 1, |_| count += 1));
        count
    }
    assert_eq!(count(|_| None), 4, "absent, empty, zeros, whole");
    assert_eq!(count(|name| name.strip_suffix(".tmp")), 2, "absent or there");
}
