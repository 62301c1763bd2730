//! Random calls and faults on an open run against what must always hold.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Op {
    Set,
    Call { flags: RunChannels, force: bool },
    Settle,
    Advance(u64),
    Fail { step: &'static str, is_sticky: bool },
    Heal,
    Hold(&'static str),
    Release,
}

const STEPS: [&str; 9] = [
    "open-dir",
    "create-file",
    "write",
    "sync-data",
    "sync-dir",
    "rename",
    "remove",
    ".manifest.json.",
    ".heartbeat.",
];

fn op() -> impl Strategy<Value = Op> {
    let step = || prop::sample::select(&STEPS[..]);
    prop_oneof![
        3 => Just(Op::Set),
        4 => any::<(bool, bool, bool)>().prop_map(|(manifest, heartbeat, force)| Op::Call {
            flags: RunChannels { manifest, heartbeat },
            force,
        }),
        3 => Just(Op::Settle),
        2 => (0..7_000u64).prop_map(Op::Advance),
        1 => (step(), any::<bool>()).prop_map(|(step, is_sticky)| Op::Fail { step, is_sticky }),
        1 => Just(Op::Heal),
        1 => step().prop_map(Op::Hold),
        2 => Just(Op::Release),
    ]
}

proptest! {
    #[test]
    fn what_was_set_is_written_when_faults_end_and_every_call_is_answered(
        ops in prop::collection::vec(op(), 1..40),
    ) {
        let place = Place::new();
        let (mut calls, mut n) = (Vec::new(), 0);
        // In the directories above the run a probe may stay that could not be removed.
        let fails = |name| move |op: &Op| matches!(op, Op::Fail { step, .. } if *step == name);
        let may_stay = ops.iter().any(fails("sync-dir")) && ops.iter().any(fails("remove"));
        let release = || STEPS.iter().for_each(|step| place.disk.release(step));
        for op in ops {
            match op {
                Op::Set => {
                    n += 1;
                    place.set(n);
                }
                Op::Call { flags, force } => calls.push(place.call(flags, force)),
                Op::Settle => place.disk.settle(),
                Op::Advance(ms) => place.disk.advance_ms(ms),
                Op::Fail { step, is_sticky } => place.disk.fail(step, IO, is_sticky),
                Op::Heal => place.disk.heal(),
                Op::Hold(step) => place.disk.hold(step),
                Op::Release => release(),
            }
            let written = place.disk.file(MANIFEST_FILE);
            prop_assert!(written.is_none_or(|text| text.ends_with("\n}\n")), "torn");
        }
        place.disk.heal();
        release();
        place.disk.advance_ms(60_000);
        prop_assert!(calls.iter().all(|call| !is_waiting(call)), "a call is not answered");
        place.flush().expect("flush");
        prop_assert_eq!(place.n(), n);
        prop_assert_eq!(place.dirty(), NONE);
        place.disk.advance_ms(3_600_000);
        place.close().expect("close");
        let left = place.temp_paths();
        prop_assert!(left.iter().all(|path| may_stay && is_probe_above(path)), "{left:?}");
    }
}

/// A file that made a directory above the run dirty again.
fn is_probe_above(path: &str) -> bool {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    name.starts_with(".probe.") && !directory.ends_with("/run")
}
