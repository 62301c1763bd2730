use std::collections::BTreeSet;

use futures::FutureExt;

use super::crash::{Limits, each_state};
use super::tree::{ROOT, Tree};
use super::world::Fault;
use super::*;
use tandem_host::disk::{Disk, ErrorCode, Mode, Purpose};
use tandem_host::testing::temporary_target;

const LIMITS: Limits = Limits { names_max: 1 << 12, states_max: 1 << 12 };
const TEMP: &str = ".a.0123456789abcdef0123456789abcdef.tandem-tmp";

fn model(name: &str) -> Model {
    Model::find(name).expect("a model")
}

/// A disk that answers at once, and calls on its root.
struct Place {
    disk: SimDisk,
}

impl Place {
    fn new(name: &str) -> Self {
        Place { disk: SimDisk::new(model(name), 1) }
    }

    fn now<T>(&self, work: impl Future<Output = T>) -> T {
        work.now_or_never().expect("an answer at once")
    }

    fn create(&self, name: &str, content: &[u8]) -> SimNode {
        let root = self.disk.root();
        let file = self.now(self.disk.create_file(&root, name, Purpose::Named)).expect("create");
        self.now(self.disk.write(&file, 0, content)).expect("write");
        file
    }

    fn sync_root(&self) {
        self.now(self.disk.sync_dir(&self.disk.root())).expect("sync");
    }

    fn rename(&self, from: &str, to: &str) {
        let root = self.disk.root();
        self.now(self.disk.rename(&root, from, &root, to, Mode::Own)).expect("rename");
    }

    fn states(&self) -> Vec<Tree> {
        let world = self.disk.world();
        let mut found = Vec::new();
        let mut random = fastrand::Rng::with_seed(1);
        let visit = &mut |tree| found.push(tree);
        let scratch = temporary_target;
        assert!(each_state(&world.persistent, &world.model, LIMITS, scratch, &mut random, visit));
        found
    }

    /// What a power loss may leave at a path.
    fn contents(&self, path: &str) -> BTreeSet<Option<Vec<u8>>> {
        self.states().iter().map(|tree| tree.content(path).map(|data| data.to_vec())).collect()
    }
}

fn set<const N: usize>(contents: [Option<&[u8]>; N]) -> BTreeSet<Option<Vec<u8>>> {
    contents.into_iter().map(|content| content.map(<[u8]>::to_vec)).collect()
}

#[test]
fn what_was_not_synced_may_be_absent_empty_zeros_or_whole() {
    let place = Place::new("posix-weak");
    place.create("a", b"new");
    assert_eq!(place.contents("a"), set([None, Some(b""), Some(b"\0\0\0"), Some(b"new")]));
}

#[test]
fn a_file_is_torn_by_sector() {
    let place = Place::new("posix-weak");
    place.create("a", &[7; 1024]);
    let torn: Vec<u8> = [[0; 512], [7; 512]].concat();
    assert!(place.contents("a").contains(&Some(torn)));
}

#[test]
fn the_sync_of_a_file_covers_its_data_and_not_its_name() {
    let place = Place::new("posix-weak");
    let file = place.create("a", b"new");
    place.now(place.disk.sync_data(&file)).expect("sync");
    assert_eq!(place.contents("a"), set([None, Some(b"new")]));
}

#[test]
fn the_sync_of_a_directory_covers_its_names_and_not_their_data() {
    let place = Place::new("posix-weak");
    place.create("a", b"new");
    place.sync_root();
    assert_eq!(place.contents("a"), set([Some(b""), Some(b"\0\0\0"), Some(b"new")]));
}

#[test]
fn what_was_synced_with_its_directory_stays() {
    for model in Model::ALL.into_iter().filter(Model::syncs_directories) {
        let place = Place::new(model.name);
        let file = place.create("a", b"new");
        place.now(place.disk.sync_data(&file)).expect("sync");
        place.sync_root();
        assert_eq!(place.contents("a"), set([Some(b"new")]), "{}", model.name);
    }
}

#[test]
fn a_rename_shows_the_old_file_or_the_new_one_or_keeps_both_names() {
    let place = Place::new("posix-weak");
    for name in ["a", TEMP] {
        let file = place.create(name, name.as_bytes());
        place.now(place.disk.sync_data(&file)).expect("sync");
    }
    place.sync_root();
    place.rename(TEMP, "a");
    let states: BTreeSet<_> = place
        .states()
        .iter()
        .map(|tree| (tree.content("a").map(|data| data.to_vec()), tree.content(TEMP).is_some()))
        .collect();
    let (old, new) = (Some(b"a".to_vec()), Some(TEMP.as_bytes().to_vec()));
    let expected = [(old.clone(), true), (old, false), (new.clone(), true), (new, false)];
    assert_eq!(states, expected.into_iter().collect());
}

/// A directory with a file in it that is renamed into another directory, and what a power loss may
/// leave of both names after the syncs of some directories.
fn renamed_directory(model: &str, synced: &[&str]) -> BTreeSet<(bool, bool)> {
    let place = Place::new(model);
    let (disk, root) = (&place.disk, place.disk.root());
    for dir in ["a", "a/run", "b"] {
        place.now(disk.create_dir(&root, dir)).expect("made");
    }
    place.create("a/run/file", b"");
    let sync = |path: &str| {
        let dir = place.now(disk.open_dir(&root, path)).expect("open");
        place.now(disk.sync_dir(&dir)).expect("sync");
    };
    ["a/run", "a", "b", "."].into_iter().for_each(sync);
    place.rename("a/run", "b/run");
    synced.iter().for_each(|path| sync(path));
    let names = |tree: &Tree| ["a/run/file", "b/run/file"].map(|path| tree.content(path).is_some());
    place.states().iter().map(names).map(|[old, new]| (old, new)).collect()
}

#[test]
fn a_directory_has_one_name_after_a_power_loss() {
    let (old, new) = ((true, false), (false, true));
    for model in Model::ALL.into_iter().filter(Model::syncs_directories) {
        let either: BTreeSet<_> = [old, new].into();
        assert_eq!(renamed_directory(model.name, &[]), either, "{}", model.name);
        let both = renamed_directory(model.name, &["a", "b"]);
        assert_eq!(both, [new].into(), "{}", model.name);
        for one in ["a", "b"] {
            // Where names are in no order, each directory is to be synced.
            let expected = if model.name == "posix-weak" { &either } else { &both };
            assert_eq!(renamed_directory(model.name, &[one]), *expected, "{} {one}", model.name);
        }
    }
}

#[test]
fn a_directory_that_is_put_back_has_its_name_again() {
    for model in Model::ALL {
        let place = Place::new(model.name);
        place.now(place.disk.create_dir(&place.disk.root(), "a")).expect("made");
        place.create("a/file", b"");
        place.rename("a", "b");
        place.rename("b", "a");
        let has = |tree: &Tree, name: &str| tree.lookup(ROOT, name).is_ok();
        let doubled = |tree: &&Tree| has(tree, "a") && has(tree, "b");
        assert_eq!(place.states().iter().filter(doubled).count(), 0, "{}", model.name);
        if model.syncs_directories() {
            place.sync_root();
            let is_back = |tree: &Tree| has(tree, "a") && !has(tree, "b");
            assert!(place.states().iter().all(is_back), "{}", model.name);
        }
    }
}

#[test]
fn a_journal_keeps_the_order_of_names() {
    let place = Place::new("xfs");
    place.create("a", b"");
    place.create("b", b"");
    let both = |tree: &Tree| (tree.content("a").is_some(), tree.content("b").is_some());
    let states: BTreeSet<_> = place.states().iter().map(both).collect();
    assert_eq!(states, [(false, false), (true, false), (true, true)].into_iter().collect());
}

#[test]
fn the_sync_of_a_file_commits_a_journal() {
    for (name, is_kept) in [("posix-weak", false), ("ext4-ordered", true), ("btrfs", false)] {
        let place = Place::new(name);
        place.create("earlier", b"");
        let file = place.create("a", b"new");
        place.now(place.disk.sync_data(&file)).expect("sync");
        assert_eq!(!place.contents("earlier").contains(&None), is_kept, "{name}");
        assert_eq!(place.contents("a").contains(&None), name == "posix-weak", "{name}");
    }
}

#[test]
fn a_journal_is_committed_as_far_as_it_is_needed() {
    let place = Place::new("ext4-ordered");
    let root = place.disk.root();
    let old = place.now(place.disk.create_file(&root, "a", Purpose::Named)).expect("create");
    place.now(place.disk.create_file(&root, "later", Purpose::Named)).expect("create");
    place.now(place.disk.sync_data(&old)).expect("sync");
    assert!(!place.contents("a").contains(&None));
    assert!(place.contents("later").contains(&None), "it was created after what is synced");
    // The size of new data is the journal's last change.
    assert_eq!(place.now(place.disk.write(&old, 0, b"new")), Ok(()));
    place.now(place.disk.sync_data(&old)).expect("sync");
    assert!(!place.contents("later").contains(&None));
}

#[test]
fn time_goes_on_after_a_crash() {
    let place = Place::new("posix-weak");
    place.disk.world().now_ns += 60_000_000_000;
    place.create("a", b"new");
    let (image, end_ns) = {
        let world = place.disk.world();
        (world.live.clone(), world.wall_ns())
    };
    let again = SimDisk::from_tree(image, model("posix-weak"), 1);
    assert!(again.world().wall_ns() > end_ns);
}

#[test]
fn a_call_whose_process_ended_is_performed_or_is_not() {
    let performed = |seed| {
        let disk = SimDisk::new(model("posix-weak"), seed);
        disk.world().is_held = true;
        let root = disk.root();
        assert!(disk.create_file(&root, "a", Purpose::Named).now_or_never().is_none());
        disk.content("a").is_some()
    };
    let seen: BTreeSet<bool> = (0..20).map(performed).collect();
    assert_eq!(seen.len(), 2);
}

#[test]
fn ext4_flushes_what_replaces_a_file_and_the_others_do_not() {
    for (name, may_be_empty) in [("ext4-ordered", false), ("ext4-writeback", true), ("xfs", true)] {
        let place = Place::new(name);
        let old = place.create("a", b"old");
        place.now(place.disk.sync_data(&old)).expect("sync");
        place.sync_root();
        place.create(TEMP, b"new");
        place.rename(TEMP, "a");
        assert_eq!(place.contents("a").contains(&Some(Vec::new())), may_be_empty, "{name}");
        assert!(place.contents("a").contains(&Some(b"old".to_vec())), "{name}");
    }
}

#[test]
fn writeback_leaves_tails_of_zeros_and_xfs_does_not() {
    for (name, has_tail) in [("ext4-writeback", true), ("xfs", false), ("btrfs", false)] {
        let place = Place::new(name);
        place.create("a", &[7; 8192]);
        let tail: Vec<u8> = [[7; 4096], [0; 4096]].concat();
        assert_eq!(place.contents("a").contains(&Some(tail)), has_tail, "{name}");
        assert!(place.contents("a").contains(&Some(vec![7; 4096])) || has_tail, "{name}");
    }
}

#[test]
fn a_directory_that_cannot_be_synced_says_so() {
    let place = Place::new("no-dir-sync");
    let root = place.disk.root();
    assert_eq!(place.now(place.disk.sync_dir(&root)), Err(ErrorCode::Unsupported));
}

#[test]
fn a_sync_that_marks_pages_clean_leaves_nothing_for_the_next_one() {
    let place = Place::new("posix-weak");
    let file = place.create("a", b"new");
    place.sync_root();
    place.disk.world().is_held = true;
    let mut syncing = Box::pin(place.disk.sync_data(&file));
    assert!((&mut syncing).now_or_never().is_none());
    place.disk.world().complete(3 + 1, Some(Fault::MarksClean(ErrorCode::Io)));
    assert_eq!((&mut syncing).now_or_never(), Some(Err(ErrorCode::Io)));
    place.disk.world().is_held = false;
    place.now(place.disk.sync_data(&file)).expect("it says that all is well");
    assert!(place.contents("a").contains(&Some(b"\0\0\0".to_vec())));
}

#[test]
fn each_effect_knows_the_sync_that_covers_it() {
    let place = Place::new("posix-weak");
    let file = place.create("a", b"new");
    let world = place.disk.world();
    let covers: Vec<_> = world.persistent.pending.iter().map(|e| e.covered_by()).collect();
    // The name by the root, size and data by the file.
    assert_eq!(covers, [0, file.ino(), file.ino()]);
}

#[test]
fn the_same_calls_have_the_same_trace() {
    let trace = |content: &[u8]| {
        let place = Place::new("btrfs");
        place.create("a", content);
        place.disk.trace_hash()
    };
    assert_eq!(trace(b"one"), trace(b"one"));
    assert_ne!(trace(b"one"), trace(b"other"));
}

#[test]
fn listings_are_sorted() {
    let place = Place::new("xfs");
    for name in ["b", "c", "a"] {
        place.create(name, b"");
    }
    let entries = place.now(place.disk.read_dir(&place.disk.root())).expect("list");
    let names: Vec<_> = entries.into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn a_directory_is_renamed_with_what_is_in_it_and_removed_when_it_is_empty() {
    let place = Place::new("xfs");
    let (disk, root) = (&place.disk, place.disk.root());
    place.now(disk.create_dir(&root, "a")).expect("made");
    place.now(disk.create_dir(&root, "a/b")).expect("made");
    place.now(disk.create_dir(&root, "c")).expect("made");
    let rename = |from: &str, to: &str| place.now(disk.rename(&root, from, &root, to, Mode::Own));
    assert_eq!(rename("a", "a/b/a"), Err(ErrorCode::Invalid));
    assert_eq!(rename("c", "a"), Err(ErrorCode::NotEmpty));
    place.create("file", b"");
    assert_eq!(rename("file", "c"), Err(ErrorCode::IsDirectory));
    assert_eq!(rename("c", "file"), Err(ErrorCode::NotDirectory));
    place.now(disk.create_dir(&root, "empty")).expect("made");
    assert_eq!(rename("empty", "c"), Ok(()), "it is empty");
    assert_eq!(rename("a", "c/a"), Ok(()));
    assert_eq!(place.now(disk.remove_dir(&root, "c/a")), Err(ErrorCode::NotEmpty));
    assert_eq!(place.now(disk.remove_dir(&root, "c/a/b")), Ok(()));
    assert_eq!(place.now(disk.remove_dir(&root, "c/a")), Ok(()));
    assert_eq!(place.now(disk.remove_dir(&root, "c/a")), Err(ErrorCode::NoEntry));
}
