//! A component on a storage without an event loop: its call returns when all its tasks are over.

use super::*;

#[test]
fn without_an_event_loop_nothing_waits_after_the_run_is_recorded() {
    let disk = Memory::without_event_loop();
    let histories = Rc::new(Histories::new(disk.clone(), Documents::new(u64::MAX)));
    disk.put(LOCK_FILE, b"another holder's", 0);
    let call = disk.start(async move { histories.record_run(&summary(1), options()).await });
    disk.settle();
    let remover = disk.clone();
    disk.run(async move { remover.remove(&".runs".to_owned(), "task.lock").await })
        .expect("the lock is there");
    let recorded = (0..250).find_map(|_| {
        disk.advance_ms(1);
        call.take()
    });
    assert!(recorded.is_some_and(|recorded| recorded.is_ok()), "the lock was free");
    assert!(!disk.has_sleepers());
}
