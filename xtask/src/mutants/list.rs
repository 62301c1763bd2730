//! The mutations: each breaks one rule of the component, as a small change of its text.

use super::mutation::{Change, Mutation};

const DURABLE: &str = "src/storage/durable.rs";
const FLUSH: &str = "src/runs/flush.rs";
const HISTORY: &str = "src/histories/history.rs";
const JSON: &str = "src/json/mod.rs";
const LEFTOVERS: &str = "src/histories/leftovers.rs";
const LIMITS: &str = "src/limits.rs";
const LOCK: &str = "src/histories/lock.rs";
const RUNS: &str = "src/runs/mod.rs";
const RECORD: &str = "src/histories/mod.rs";
const RECOVERY: &str = "src/runs/recovery.rs";
const REMOVE: &str = "src/histories/remove.rs";
const REPLACE: &str = "src/storage/replace.rs";
const SCHEDULE: &str = "src/runs/schedule.rs";
const SHARED: &str = "src/histories/shared.rs";
const SNAPSHOT: &str = "src/histories/snapshot.rs";
const SOURCE: &str = "src/histories/source.rs";
const TEMP: &str = "src/storage/temp.rs";
const TREE: &str = "src/histories/tree.rs";

/// All of them: how one file is replaced, then runs, then histories, then rules that show in no
/// state of a disk.
pub static MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "no-data-sync",
        what: "the data of no file is synced",
        rule: "durable data is synced before the rename",
        test: None,
        changes: &[Change { file: REPLACE, from: "if sync {", to: "if false {" }],
    },
    Mutation {
        name: "rename-before-sync",
        what: "a file is renamed first and synced after",
        rule: "durable data is synced before the rename",
        test: None,
        changes: &[Change {
            file: REPLACE,
            from: "    prepare(storage, dir, &temp, content, sync).await?;
    commit(storage, dir, &temp, name).await
",
            to: "    let created = storage.create_file(dir, &temp).await;
    let new = created.map_err(|code| (Operation::Open, code))?;
    if let Err(code) = storage.write(&new, content).await {
        discard(storage, dir, &temp).await;
        return Err((Operation::Write, code));
    }
    commit(storage, dir, &temp, name).await?;
    if sync {
        storage.sync_data(&new).await.map_err(|code| (Operation::Sync, code))?;
    }
    Ok(())
",
        }],
    },
    Mutation {
        name: "no-directory-sync",
        what: "the directory of a replaced file is not synced",
        rule: "a durable rename is followed by a sync of its directory",
        test: None,
        changes: &[Change { file: DURABLE, from: "storage.sync_dir(dir).await", to: "Ok(())" }],
    },
    Mutation {
        name: "directory-left-clean",
        what: "a directory whose sync failed is merely synced again by the next flush",
        rule: "a directory whose sync failed is made dirty before it is synced again",
        test: None,
        changes: &[Change {
            file: DURABLE,
            from: "if synced.is_err_and(|code| !cannot_sync_directories(code)) {",
            to: "if false {",
        }],
    },
    Mutation {
        name: "no-ancestor-sync",
        what: "the directories above a file's own are never synced",
        rule: "every directory above is synced too unless this component did it before",
        test: None,
        changes: &[Change {
            file: DURABLE,
            from: "ancestors(path).skip(skip)",
            to: "ancestors(path).skip(usize::MAX)",
        }],
    },
    Mutation {
        name: "directory-sync-error-ignored",
        what: "a directory sync that failed counts as done",
        rule: "no error is swallowed",
        test: None,
        changes: &[Change {
            file: DURABLE,
            from: "            Err(error) => return Err(error),",
            to: "            Err((Operation::SyncDirectory, _)) => {}
            Err(error) => return Err(error),",
        }],
    },
    Mutation {
        name: "reached-overstated",
        what: "a file system without directory syncs is told as durable",
        rule: "`reached` says data-synced where directories cannot be synced",
        test: None,
        changes: &[Change {
            file: DURABLE,
            from: "reached = Reached::DataSynced;",
            to: "reached = Reached::Durable;",
        }],
    },
    Mutation {
        name: "sync-error-ignored",
        what: "a file whose sync failed is renamed all the same",
        rule: "no error is swallowed",
        test: None,
        changes: &[Change {
            file: REPLACE,
            from: "storage.sync_data(&new).await.map_err(|code| (Operation::Sync, code))?;",
            to: "let _ = storage.sync_data(&new).await;",
        }],
    },
    Mutation {
        name: "sync-tried-again",
        what: "after a failed sync the same file is merely synced once more",
        rule: "after a failed sync a new file is written: a second sync proves nothing",
        test: None,
        changes: &[Change {
            file: REPLACE,
            from: "storage.sync_data(&new).await.map_err(|code| (Operation::Sync, code))?;",
            to: "if storage.sync_data(&new).await.is_err() {
                storage.sync_data(&new).await.map_err(|code| (Operation::Sync, code))?;
            }",
        }],
    },
    Mutation {
        name: "write-error-ignored",
        what: "a file whose write failed is renamed all the same",
        rule: "no error is swallowed",
        test: None,
        changes: &[Change {
            file: REPLACE,
            from: "storage.write(&new, content).await.map_err(|code| (Operation::Write, code))?;",
            to: "let _ = storage.write(&new, content).await;",
        }],
    },
    Mutation {
        name: "temp-name-reused",
        what: "every temporary file of a target has the same name",
        rule: "a temporary name is used once",
        test: None,
        changes: &[Change {
            file: TEMP,
            from: "named(target, &random(storage))",
            to: "named(target, \"0123456789abcdef0123456789abcdef\")",
        }],
    },
    Mutation {
        name: "temp-left",
        what: "a temporary file that could not be filled stays",
        rule: "on every error the temporary file is removed",
        test: None,
        changes: &[Change {
            file: REPLACE,
            from: "        discard(storage, dir, temp).await;
    }
    result
}",
            to: "    }
    result
}",
        }],
    },
    Mutation {
        name: "write-in-place",
        what: "a file is removed and written anew under its own name",
        rule: "the target file is touched by a rename and by nothing else",
        test: None,
        changes: &[Change {
            file: REPLACE,
            from: "    let temp = temp::name(storage, name);
    prepare(storage, dir, &temp, content, sync).await?;
    commit(storage, dir, &temp, name).await
",
            to: "    let _ = storage.remove(dir, name).await;
    prepare(storage, dir, name, content, sync).await
",
        }],
    },
    Mutation {
        name: "no-sweep",
        what: "abandoned temporary files are never removed",
        rule: "what a crash left is removed once it is old enough",
        test: None,
        changes: &[Change {
            file: TEMP,
            from: "for name in names.iter().filter(|name| parts(name).is_some()) {",
            to: "for name in names.iter().filter(|name| parts(name).is_some()).take(0) {",
        }],
    },
    Mutation {
        name: "sweep-ignores-age",
        what: "temporary files that are in use are swept too",
        rule: "only a temporary file older than `sweep-after-ms` is removed",
        test: None,
        changes: &[Change {
            file: TEMP,
            from: "let is_old = now.saturating_sub(stat.modified) > age;",
            to: "let is_old = true;",
        }],
    },
    Mutation {
        name: "heartbeat-in-place",
        what: "the heartbeat is removed and written anew under its own name",
        rule: "the target file is touched by a rename and by nothing else",
        test: None,
        changes: &[Change {
            file: FLUSH,
            from: "async move { replace(storage, dir, &name, content, is_durable).await }",
            to: "async move {
                if channel == RunChannel::Heartbeat {
                    let _ = storage.remove(dir, &name).await;
                    return crate::storage::replace::prepare(
                        storage, dir, &name, content, is_durable,
                    )
                    .await;
                }
                replace(storage, dir, &name, content, is_durable).await
            }",
        }],
    },
    Mutation {
        name: "sequential-writes",
        what: "the heartbeat's write starts when the manifest's has ended",
        rule: "both writes start before either is waited for",
        test: None,
        changes: &[Change {
            file: FLUSH,
            from: "let replaced = join_all(replacing).await;",
            to: "let mut replaced = Vec::new();
    for one in replacing {
        replaced.push(one.await);
    }",
        }],
    },
    Mutation {
        name: "ancestor-sync-not-retried",
        what: "directories above count as synced although their sync failed",
        rule: "an ancestor that cannot be synced is tried again by the next flush",
        test: None,
        changes: &[Change {
            file: FLUSH,
            from: "*ancestors_synced |= synced == Ok(Reached::Durable);",
            to: "*ancestors_synced = true;",
        }],
    },
    Mutation {
        name: "no-redirty",
        what: "a channel that failed is not dirty again",
        rule: "a flag that was taken is either on the disk or dirty again",
        test: None,
        changes: &[Change {
            file: SCHEDULE,
            from: "state.dirty = !is_abandoned;",
            to: "state.dirty = false;",
        }],
    },
    Mutation {
        name: "both-redirtied",
        what: "when one channel failed, the one that succeeded is written again too",
        rule: "only what failed is written again",
        test: None,
        changes: &[Change {
            file: SCHEDULE,
            from: "if is_taken && failed.has(channel) {",
            to: "if is_taken && !failed.is_empty() {",
        }],
    },
    Mutation {
        name: "lost-update",
        what: "dirty flags are cleared when a flush ends, with changes made meanwhile",
        rule: "a flush clears the flags before it starts to write",
        test: None,
        changes: &[
            Change {
                file: SCHEDULE,
                from: "                state.dirty = false;
                state.wanted = false;",
                to: "                state.wanted = false;",
            },
            Change {
                file: SCHEDULE,
                from: "            } else if is_taken {
                state.failures = 0;",
                to: "            } else if is_taken {
                state.dirty = false;
                state.failures = 0;",
            },
        ],
    },
    Mutation {
        name: "change-not-marked",
        what: "a new document does not mark the manifest dirty",
        rule: "`set` and `merge` mark the manifest dirty",
        test: None,
        changes: &[Change {
            file: RUNS,
            from: "        state.schedule.set_dirty(RunChannel::Manifest);
",
            to: "",
        }],
    },
    Mutation {
        name: "mark-lost",
        what: "a mark of the heartbeat leaves it as it is",
        rule: "`mark` marks channels dirty",
        test: None,
        changes: &[Change {
            file: SCHEDULE,
            from: "    pub fn mark(&mut self, flags: RunChannels, force: bool) {
        for channel in RunChannel::ALL {
            if flags.has(channel) {",
            to: "    pub fn mark(&mut self, flags: RunChannels, force: bool) {
        for channel in RunChannel::ALL {
            if flags.has(channel) && channel != RunChannel::Heartbeat {",
        }],
    },
    Mutation {
        name: "ack-before-rename",
        what: "callers are answered when their flush starts",
        rule: "a request gets the outcome of the flush that covers it",
        test: None,
        changes: &[
            Change {
                file: SCHEDULE,
                from: "    /// Ends the flush in flight at the time `now`.",
                to: "    /// Takes the callers of the flush in flight.
    pub fn covered(&mut self) -> Vec<C> {
        let covers = self.flight.as_mut().map(|flight| std::mem::take(&mut flight.covers));
        covers.into_iter().flatten().map(|(caller, _)| caller).collect()
    }

    /// Ends the flush in flight at the time `now`.",
            },
            Change {
                file: RUNS,
                from: "        let outcomes =
            flush::write(",
                to: "        let expected = jobs.each_ref().map(|job| {
            job.as_ref().map(|job| {
                Ok(match job.durability {
                    crate::storage::durable::Durability::Visible => {
                        crate::storage::durable::Reached::Visible
                    }
                    crate::storage::durable::Durability::Durable => {
                        crate::storage::durable::Reached::Durable
                    }
                })
            })
        });
        let early = combine(expected, bytes, revision);
        let covered = self.state.borrow_mut().schedule.covered();
        for caller in covered {
            caller.answer(&early);
        }
        let outcomes =
            flush::write(",
            },
        ],
    },
    Mutation {
        name: "ack-before-sync",
        what: "callers are answered before the directory is synced",
        rule: "a durable write is acknowledged when it is durable",
        test: None,
        changes: &[
            Change {
                file: FLUSH,
                from: "let synced = sync_directories(storage, &dir, path, skip).await;",
                to: "let synced = Ok(Reached::Durable);",
            },
            Change {
                file: RUNS,
                from: "        for caller in finished.answered {
            caller.answer(&outcome);
        }
",
                to: "        for caller in finished.answered {
            caller.answer(&outcome);
        }
        drop(state);
        let directory = &self.registration.directory;
        if let Ok(dir) = storage.open_dir(directory).await {
            let _ =
                crate::storage::durable::sync_directories(storage, &dir, directory, 0).await;
        }
",
            },
        ],
    },
    Mutation {
        name: "wrong-precedence",
        what: "when both channels failed, the heartbeat's failure comes first",
        rule: "the manifest's failure comes first, whichever failed first in time",
        test: None,
        changes: &[Change {
            file: RUNS,
            from: "        (Some(first), beside) => (first, beside),",
            to: "        (Some(beside), Some(first)) => (first, Some(beside)),
        (Some(first), None) => (first, None),",
        }],
    },
    Mutation {
        name: "beside-dropped",
        what: "when both channels failed, only one failure is told",
        rule: "`beside` tells the second failure of the same call",
        test: None,
        changes: &[Change {
            file: RUNS,
            from: "    Err(Error::of_files(first, beside))",
            to: "    let _: Option<Failure> = beside;
    Err(Error::of_files(first, None))",
        }],
    },
    Mutation {
        name: "covered-told-ok",
        what: "of the callers that share a failed flush only the first learns so",
        rule: "every request that a flush covers gets its outcome",
        test: None,
        changes: &[Change {
            file: RUNS,
            from: "        for caller in finished.answered {
            caller.answer(&outcome);
        }
",
            to: "        for (at, caller) in finished.answered.into_iter().enumerate() {
            let is_told = at == 0 || outcome.is_ok();
            let told = if is_told { outcome.clone() } else { Ok(Receipt::NONE) };
            caller.answer(&told);
        }
",
        }],
    },
    Mutation {
        name: "forced-joins-flight",
        what: "a forced request gets the outcome of a flush that took its flags before it came",
        rule: "a request is covered by the first flush that takes its flags after it was made",
        test: None,
        changes: &[Change {
            file: SCHEDULE,
            from: "        if self.dirty().is_empty() {
            answered.extend(flight.forced);",
            to: "        if true {
            answered.extend(flight.forced);",
        }],
    },
    Mutation {
        name: "half-covered",
        what: "a request for both channels is answered when one of them was written",
        rule: "a request that names two channels waits until both were taken",
        test: None,
        changes: &[Change {
            file: SCHEDULE,
            from: "if is_ok && !channels.minus(flight.taken).is_empty() => {",
            to: "if false => {",
        }],
    },
    Mutation {
        name: "close-drops-dirty",
        what: "a run is closed without a flush of what is dirty",
        rule: "`close` flushes what is dirty",
        test: None,
        changes: &[Change {
            file: RUNS,
            from: "run.state.borrow_mut().schedule.request(RunChannels::NONE, true, caller).is_some()",
            to: "{
        drop(caller);
        true
    }",
        }],
    },
    Mutation {
        name: "close-despite-failure",
        what: "a run whose last flush failed is closed",
        rule: "if its flush fails, the run stays open and dirty",
        test: None,
        changes: &[Change {
            file: RUNS,
            from: "let next = if outcome.is_ok() { Phase::Closed } else { Phase::Open };",
            to: "let next = Phase::Closed;",
        }],
    },
    Mutation {
        name: "document-not-recovered",
        what: "`open` does not take over the document that it found",
        rule: "the manifest on the disk is the run's current document",
        test: None,
        changes: &[Change {
            file: RECOVERY,
            from: "    recovery.document = read.await?.map(|(text, _)| text);",
            to: "    read.await?;",
        }],
    },
    Mutation {
        name: "found-manifest-trusted",
        what: "a manifest that was found is taken as one that Tandem indented",
        rule: "what a patch leaves of a manifest is indented as the rest is",
        test: Some(
            "runs::tests::recovery::what_a_patch_leaves_of_a_manifest_that_was_found_is_indented_too",
        ),
        changes: &[Change { file: RUNS, from: "is_found: true,", to: "is_found: false," }],
    },
    Mutation {
        name: "corrupt-manifest-trusted",
        what: "`open` takes any text for a manifest",
        rule: "what is no JSON object is not told as the document",
        test: None,
        changes: &[Change {
            file: RECOVERY,
            from: "found.read(manifest, limit, document::is_document, ",
            to: "found.read(manifest, limit, |_| true, ",
        }],
    },
    Mutation {
        name: "corrupt-heartbeat-trusted",
        what: "`open` takes any text for a heartbeat",
        rule: "what is no timestamp is not told as the heartbeat",
        test: None,
        changes: &[Change {
            file: RECOVERY,
            from: "HEARTBEAT_BYTES_MAX, is_heartbeat, ",
            to: "HEARTBEAT_BYTES_MAX, |_| true, ",
        }],
    },
    Mutation {
        name: "manifest-not-set-aside",
        what: "a corrupt manifest is left where it is, and overwritten later",
        rule: "a regular file whose content is bad is set aside",
        test: None,
        changes: &[Change {
            file: RECOVERY,
            from: "        let aside = temp::corrupt_name(self.storage, name);",
            to: "        if channel == Channel::Manifest {
            return Ok(None);
        }
        let aside = temp::corrupt_name(self.storage, name);",
        }],
    },
    Mutation {
        name: "heartbeat-not-set-aside",
        what: "a corrupt heartbeat is left where it is, and overwritten later",
        rule: "a regular file whose content is bad is set aside",
        test: None,
        changes: &[Change {
            file: RECOVERY,
            from: "        let aside = temp::corrupt_name(self.storage, name);",
            to: "        if channel == Channel::Heartbeat {
            return Ok(None);
        }
        let aside = temp::corrupt_name(self.storage, name);",
        }],
    },
    Mutation {
        name: "corrupt-file-removed",
        what: "a corrupt file is removed, and told as set aside",
        rule: "what is corrupt is kept under another name",
        test: None,
        changes: &[Change {
            file: RECOVERY,
            from: "match self.storage.rename(self.dir, name, &aside).await {",
            to: "match self.storage.remove(self.dir, name).await {",
        }],
    },
    Mutation {
        name: "no-lock",
        what: "every component has a lock file of its own",
        rule: "runs of one task that are recorded at the same time are all kept",
        test: None,
        changes: &[Change {
            file: LOCK,
            from: "        let name = path.name();
        let token = temp::random(storage);",
            to: "        let token = temp::random(storage);
        let name = format!(\"{token}.{}\", path.name());",
        }],
    },
    Mutation {
        name: "no-lock-check",
        what: "the lock is not read again before the history is renamed",
        rule: "F4: without the own record the lock is lost",
        test: None,
        changes: &[Change {
            file: SNAPSHOT,
            from: "let is_held = held.is_held(storage).await;",
            to: "let is_held: Result<bool, Code> = Ok(true);",
        }],
    },
    Mutation {
        name: "no-fence",
        what: "earlier holders' temporary files are not removed",
        rule: "F1: an earlier holder cannot rename any more",
        test: None,
        changes: &[Change {
            file: SNAPSHOT,
            from: "    temp::revoke(storage, dir, &names, &file.name, &held.token)
        .await
        .map_err(|code| file.failure((Operation::Lock, code)))?;
",
            to: "",
        }],
    },
    Mutation {
        name: "no-takeover-revoke",
        what: "files of those about to take the lock over are not removed",
        rule: "A2: a slow taker replaces no new lock",
        test: None,
        changes: &[Change {
            file: LOCK,
            from: "if let Err(code) = held.revoke_takers(storage, path).await {",
            to: "if let Err(code) = Ok::<(), Code>(()) {",
        }],
    },
    Mutation {
        name: "lost-lock-acknowledged",
        what: "a run that was not written, as the lock was lost, is told as written",
        rule: "losing the lock costs another try, never a run",
        test: None,
        changes: &[Change {
            file: SNAPSHOT,
            from: "    if !replaced? {
        return Ok(None);
    }",
            to: "    replaced?;",
        }],
    },
    Mutation {
        name: "no-release",
        what: "the lock is not removed when its holder has finished",
        rule: "R1: the lock is released",
        test: None,
        changes: &[Change {
            file: LOCK,
            from: "if self.is_held(storage).await == Ok(true) {",
            to: "if false {",
        }],
    },
    Mutation {
        name: "history-temp-without-token",
        what: "all holders write the history's temporary file under one name",
        rule: "a temporary file of a history has its holder's token",
        test: None,
        changes: &[Change {
            file: SNAPSHOT,
            from: "let temp = temp::named(&file.name, &held.token);",
            to: "let temp = temp::named(&file.name, \"0123456789abcdef0123456789abcdef\");",
        }],
    },
    Mutation {
        name: "history-not-synced",
        what: "a history is not synced before its rename",
        rule: "F3: the history's temporary file is synced",
        test: None,
        changes: &[Change {
            file: SNAPSHOT,
            from: "replace::prepare(storage, dir, &temp, content, is_durable)",
            to: "replace::prepare(storage, dir, &temp, content, false)",
        }],
    },
    Mutation {
        name: "history-directory-not-synced",
        what: "the directory of a history is not synced",
        rule: "F6: the directory is synced",
        test: None,
        changes: &[Change {
            file: SNAPSHOT,
            from:
                "        let synced = shared.sync(opened, &file.directory, &file.directory).await;
        synced.map_err(|error| file.failure(error))?
    } else",
            to: "        Reached::Durable
    } else",
        }],
    },
    Mutation {
        name: "summary-not-synced",
        what: "a summary is not synced before its rename",
        rule: "durable data is synced before the rename",
        test: None,
        changes: &[Change {
            file: RECORD,
            from: "&settings.summary_name, content, is_durable)",
            to: "&settings.summary_name, content, false)",
        }],
    },
    Mutation {
        name: "summary-directory-not-synced",
        what: "the directory of a summary is not synced",
        rule: "a durable rename is followed by a sync of its directory",
        test: None,
        changes: &[Change {
            file: RECORD,
            from: "shared.sync(&opened, &directory, &above).await.map_err(failure)?",
            to: "Reached::Durable",
        }],
    },
    Mutation {
        name: "new-run-directory-not-synced",
        what: "a run's new directory is not synced into a task's known one",
        rule: "every directory above is synced too unless this component did it before",
        test: None,
        changes: &[Change { file: SHARED, from: "ancestors(path).count() - 1", to: "usize::MAX" }],
    },
    Mutation {
        name: "summary-error-swallowed",
        what: "a summary that could not be written is told as written",
        rule: "no error is swallowed",
        test: None,
        changes: &[Change {
            file: RECORD,
            from: "        .map_err(failure)?;",
            to: "        .map_err(failure)
        .ok();",
        }],
    },
    Mutation {
        name: "history-error-swallowed",
        what: "a history that could not be written is told as written",
        rule: "no error is swallowed",
        test: None,
        changes: &[Change {
            file: RECORD,
            from: "        (Ok(_), Err(unrecorded)) => Err(unrecorded.into()),",
            to: "        (Ok((summary, swept)), Err(_)) => Ok(Recorded {
            summary,
            history: summary,
            runs: 1,
            ahead: Vec::new(),
            set_aside: Vec::new(),
            swept,
        }),",
        }],
    },
    Mutation {
        name: "history-error-first",
        what: "when both writes failed, the history's failure comes first",
        rule: "the summary's failure comes first, `beside` tells the history's",
        test: None,
        changes: &[Change {
            file: RECORD,
            from: "        (Err(first), history) => {
            Err(Error::of_files(first, history.err().map(Unrecorded::into_failure)))
        }",
            to: "        (Err(beside), Err(first)) => {
            Err(Error::of_files(first.into_failure(), Some(beside)))
        }
        (Err(first), Ok(_)) => Err(Error::of_files(first, None)),",
        }],
    },
    Mutation {
        name: "sequential-record",
        what: "the history's write starts when the summary's has ended",
        rule: "both writes start before either is waited for",
        test: None,
        changes: &[
            Change {
                file: RECORD,
                from: "queue::enqueue(",
                to: "let enqueue = || queue::enqueue(",
            },
            Change {
                file: RECORD,
                from: "shared.end_turn(&path);",
                to: "shared.end_turn(&path);
    enqueue();",
            },
        ],
    },
    Mutation {
        name: "entry-doubled",
        what: "a run that is recorded again gets a second entry",
        rule: "a run that is recorded again replaces its old entry",
        test: None,
        changes: &[Change {
            file: HISTORY,
            from: "self.entries.iter().position(|old| old.run_id == entry.run_id);",
            to: "self.entries.iter().position(|_| false);",
        }],
    },
    Mutation {
        name: "batch-loses-runs",
        what: "of the runs that wait for a history only the first is merged",
        rule: "runs of one task that are recorded at the same time are all kept",
        test: None,
        changes: &[Change {
            file: SNAPSHOT,
            from: "additions.iter().map(add).collect(),",
            to: "additions.iter().take(1).map(add).chain(additions.iter().skip(1).map(|_| Ok(Vec::new()))).collect(),",
        }],
    },
    Mutation {
        name: "history-not-set-aside",
        what: "a corrupt history is replaced without a copy",
        rule: "a corrupt history is kept as `<history-name>.corrupt-<random>`",
        test: None,
        changes: &[Change {
            file: SNAPSHOT,
            from: "let is_corrupt = history.is_none() && ",
            to: "let is_corrupt = false && ",
        }],
    },
    Mutation {
        name: "wrong-last-run",
        what: "`lastRunAt` is the timestamp of the oldest run",
        rule: "`lastRunAt` is the timestamp of the last run",
        test: None,
        changes: &[Change {
            file: HISTORY,
            from: "self.entries.last().and_then(|entry| entry.timestamp_text())",
            to: "self.entries.first().and_then(|entry| entry.timestamp_text())",
        }],
    },
    Mutation {
        name: "history-unsorted",
        what: "a new run comes last in its history, whatever its timestamp",
        rule: "the runs of a history are ordered by time",
        test: None,
        changes: &[Change {
            file: HISTORY,
            from: "self.entries.partition_point(|old| old.rank() <= entry.rank());",
            to: "self.entries.len();",
        }],
    },
    Mutation {
        name: "summaries-overtake",
        what: "two summaries of one run are written at the same time",
        rule: "inside one component the later call wins in both files",
        test: None,
        changes: &[Change {
            file: RECORD,
            from: "    shared.wait_for_turn(&path).await;
",
            to: "",
        }],
    },
    Mutation {
        name: "removal-of-the-living",
        what: "runs are removed whatever sign of life they show",
        rule: "a run that shows a sign of life is left",
        test: None,
        changes: &[Change {
            file: REMOVE,
            from: "now.saturating_sub(*sign) < *alive_for",
            to: "now.saturating_sub(*sign) < Duration::ZERO.min(*alive_for)",
        }],
    },
    Mutation {
        name: "removal-of-the-open",
        what: "a removal does not know which runs are open",
        rule: "a run that is open is left",
        test: None,
        changes: &[Change {
            file: REMOVE,
            from: "Registration::new(&self.registry, format!(",
            to: "Registration::new(&Registry::default(), format!(",
        }],
    },
    Mutation {
        name: "removal-keeps-entries",
        what: "the entries of removed runs stay in the history that should lose them",
        rule: "a run that is removed from the history has no entry there",
        test: None,
        changes: &[Change {
            file: REMOVE,
            from: "            true => candidates.iter().map(|candidate| candidate.run_id.as_str()).collect(),
            // What",
            to: "            true => BTreeSet::new(),
            // What",
        }],
    },
    Mutation {
        name: "goes-along-never",
        what: "a channel that is nearly due is left out of a flush of the other",
        rule: "a channel whose interval is over within a tenth of it goes along",
        test: Some(
            "runs::schedule::tests::throttle::a_channel_that_is_due_within_a_tenth_of_its_interval_goes_along",
        ),
        changes: &[Change {
            file: SCHEDULE,
            from: "const GOES_ALONG_PART: u64 = 10;",
            to: "const GOES_ALONG_PART: u64 = u64::MAX;",
        }],
    },
    Mutation {
        name: "goes-along-early",
        what: "a channel goes along when half of its interval is left",
        rule: "a channel whose interval is over within a tenth of it goes along",
        test: Some(
            "runs::schedule::tests::throttle::a_channel_that_is_due_within_a_tenth_of_its_interval_goes_along",
        ),
        changes: &[Change {
            file: SCHEDULE,
            from: "const GOES_ALONG_PART: u64 = 10;",
            to: "const GOES_ALONG_PART: u64 = 2;",
        }],
    },
    Mutation {
        name: "one-interval",
        what: "both channels have the interval of the manifest",
        rule: "each channel has an interval of its own",
        test: Some("runs::schedule::tests::throttle::each_channel_has_an_interval_of_its_own"),
        changes: &[Change {
            file: SCHEDULE,
            from: "intervals_ms.map(|interval_ms| ChannelState {
                interval_ns: interval_ms.saturating_mul(MS),",
            to: "intervals_ms.map(|_| ChannelState {
                interval_ns: intervals_ms[0].saturating_mul(MS),",
        }],
    },
    Mutation {
        name: "conflict-retried",
        what: "a channel whose write met that of somebody else is retried by itself",
        rule: "what met a conflict is written again when a request asks for it",
        test: Some("runs::schedule::tests::back_off::a_conflict_is_retried_by_a_request_alone"),
        changes: &[Change {
            file: SCHEDULE,
            from: "state.wanted |= !is_abandoned && !state.is_in_conflict;",
            to: "state.wanted |= !is_abandoned;",
        }],
    },
    Mutation {
        name: "conflict-goes-along",
        what: "a channel whose write met that of somebody else goes along with the other",
        rule: "what met a conflict is written again when a request asks for it",
        test: Some("runs::schedule::tests::back_off::a_conflict_is_retried_by_a_request_alone"),
        changes: &[Change {
            file: SCHEDULE,
            from: " && (self.wanted || !self.is_in_conflict)",
            to: "",
        }],
    },
    Mutation {
        name: "written-revision-too-new",
        what: "the revision on the disk is told as the one at the end of its flush",
        rule: "`written-revision` is the revision that the manifest's file has",
        test: Some("runs::tests::revision::a_receipt_tells_the_revision_that_was_written"),
        changes: &[Change {
            file: RUNS,
            from: "state.written_revision = Some(revision);",
            to: "state.written_revision = Some(state.revision);",
        }],
    },
    Mutation {
        name: "total-unlimited",
        what: "documents are kept beyond the limit of all of them",
        rule: "no change is accepted that brings the documents above their limit together",
        test: Some(
            "runs::tests::total::a_change_that_would_exceed_the_total_is_refused_and_changes_nothing",
        ),
        changes: &[Change {
            file: LIMITS,
            from: "if bytes > self.bytes && after > *bytes_max {",
            to: "if false {",
        }],
    },
    Mutation {
        name: "fraction-as-text",
        what: "a fraction with zeros at its end is a later time than the same one without",
        rule: "the runs of a history are ordered by time",
        test: Some(
            "histories::tests::history::equals_of_the_run_just_recorded_are_not_ahead_of_it",
        ),
        changes: &[Change {
            file: HISTORY,
            from: "fraction.trim_end_matches('Z').trim_end_matches(['0', '.'])",
            to: "fraction.trim_end_matches('Z')",
        }],
    },
    Mutation {
        name: "recorded-run-dropped",
        what: "`keep-last` drops the run that was just recorded if it is the oldest",
        rule: "the run just recorded is kept",
        test: Some(
            "histories::tests::history::a_run_just_recorded_is_kept_among_entries_whose_clock_was_ahead",
        ),
        changes: &[Change { file: HISTORY, from: "if at >= excess {", to: "if true {" }],
    },
    Mutation {
        name: "ahead-not-told",
        what: "runs that are ahead of the one just recorded are not told",
        rule: "`ahead` names the runs that are later than the one just recorded",
        test: Some(
            "histories::tests::history::a_run_just_recorded_is_kept_among_entries_whose_clock_was_ahead",
        ),
        changes: &[Change { file: HISTORY, from: "if at > excess {", to: "if true {" }],
    },
    Mutation {
        name: "equals-ahead",
        what: "runs of the same time as the one just recorded are told as ahead of it",
        rule: "`ahead` names the runs that are later than the one just recorded",
        test: Some(
            "histories::tests::history::equals_of_the_run_just_recorded_are_not_ahead_of_it",
        ),
        changes: &[Change {
            file: HISTORY,
            from: "other.rank() > run.rank()",
            to: "other.rank() >= run.rank()",
        }],
    },
    Mutation {
        name: "other-case-set-aside",
        what: "a history of a task whose id is equal but for case is set aside",
        rule: "a history of another task whose directory is this task's too is left alone",
        test: Some(
            "histories::tests::history::a_history_of_a_task_whose_id_is_equal_but_for_case_is_left_alone",
        ),
        changes: &[Change {
            file: SOURCE,
            from: "task_id.eq_ignore_ascii_case(&self.task_id)",
            to: "false",
        }],
    },
    Mutation {
        name: "shared-directory-set-aside",
        what: "a history of another task is set aside though a link makes the directory that task's",
        rule: "a history of another task whose directory is this task's too is left alone",
        test: Some(
            "histories::tests::history::a_history_of_another_task_is_left_alone_where_the_directory_is_no_directory_of_that_name",
        ),
        changes: &[Change { file: SOURCE, from: "stat.kind != Kind::Directory", to: "false" }],
    },
    Mutation {
        name: "byte-order-mark-corrupt",
        what: "a byte order mark makes a file or a text corrupt",
        rule: "a byte order mark is read, and not kept",
        test: Some(
            "histories::tests::history::a_byte_order_mark_before_a_history_is_read_and_not_kept",
        ),
        changes: &[Change {
            file: JSON,
            from: "text.strip_prefix('\\u{FEFF}').unwrap_or(text)",
            to: "text",
        }],
    },
    Mutation {
        name: "removal-not-synced",
        what: "directories are emptied before their renames are durable",
        rule: "nothing of a run is removed before its renames are durable",
        test: Some("histories::tests::remove::renames_are_durable_before_anything_is_removed"),
        changes: &[Change {
            file: REMOVE,
            from: "            self.sync(task).await?;
",
            to: "",
        }],
    },
    Mutation {
        name: "removal-looks-once",
        what: "a run that comes to life before its rename is removed",
        rule: "a run that shows a sign of life is left",
        test: Some(
            "histories::tests::remove::a_run_that_comes_to_life_before_its_rename_is_put_back",
        ),
        changes: &[Change {
            file: REMOVE,
            from: "                Ok(true) => {
                    self.move_back(task, moved, &run, run_id, kept).await?;
                    return Err(left(run_id, LeftReason::Alive));
                }",
            to: "                Ok(true) => {}",
        }],
    },
    Mutation {
        name: "removal-without-a-look-at-its-lock",
        what: "a removal goes on after another has taken its lock over",
        rule: "runs are renamed under the lock",
        test: Some(
            "histories::tests::remove::\
             a_lock_that_was_lost_before_a_rename_takes_nothing_more_and_tries_again",
        ),
        changes: &[Change {
            file: REMOVE,
            from: "            is_held = self.is_held(held).await?;
",
            to: "",
        }],
    },
    Mutation {
        name: "removal-of-recorded-waits",
        what: "a run that was recorded since its last sign of life is left",
        rule: "a run that was recorded since its last sign of life is over",
        test: Some(
            "histories::tests::remove::a_run_that_was_recorded_since_its_last_sign_of_life_is_over",
        ),
        changes: &[Change {
            file: REMOVE,
            from: "Ok(recorded.is_none_or(|recorded| recorded < sign))",
            to: "Ok(recorded.is_none_or(|_| true))",
        }],
    },
    Mutation {
        name: "removal-forgets-leftovers",
        what: "a directory that a killed removal renamed is left",
        rule: "the next call for the task removes what was renamed",
        test: Some(
            "histories::tests::remove::a_sync_that_fails_keeps_what_was_renamed_for_the_next_call",
        ),
        changes: &[Change {
            file: REMOVE,
            from:
                "        progress.emptying = leftovers::renamed(storage, task, &self.path).await?;
",
            to: "        progress.emptying = progress.renamed.iter().cloned().collect();
",
        }],
    },
    Mutation {
        name: "removal-stays-shallow",
        what: "a directory in a removed one that is not empty is left",
        rule: "a run goes with all that is in it",
        test: Some(
            "histories::tests::remove::a_run_goes_with_all_that_is_in_it_and_the_others_stay",
        ),
        changes: &[Change {
            file: TREE,
            from: "    waiting.push(temp);
",
            to: "",
        }],
    },
    Mutation {
        name: "removed-entries-not-durable",
        what: "entries that a failed call took out of a history are not synced by the next one",
        rule: "a run that is removed from the history stays away",
        test: Some(
            "histories::tests::remove::\
             entries_that_a_failed_call_took_out_are_durably_gone_after_the_next_one",
        ),
        changes: &[Change {
            file: SNAPSHOT,
            from: "    if !removed.is_empty() {
        let content",
            to: "    if removed.is_empty() {
        return Ok(Some(removed));
    }
    {
        let content",
        }],
    },
    Mutation {
        name: "unlooked-leftover-forgotten",
        what: "a renamed directory that cannot be looked at is left, and not told",
        rule: "a removal tells what remains",
        test: Some(
            "histories::tests::remove::what_is_renamed_and_cannot_be_looked_at_is_durable_and_told",
        ),
        changes: &[Change {
            file: LEFTOVERS,
            from: "Err(code) => code == Code::NO_ENTRY,",
            to: "Err(_) => true,",
        }],
    },
    Mutation {
        name: "failed-rename-not-undone",
        what: "a directory whose rename failed after its effect stays away",
        rule: "a run that is told as left is where it was",
        test: Some("histories::tests::remove::a_rename_that_fails_after_its_effect_is_undone"),
        changes: &[Change {
            file: REMOVE,
            from: "                self.move_back(task, &temp, name, run_id, kept).await?;
",
            to: "",
        }],
    },
    Mutation {
        name: "put-back-not-durable",
        what: "what was renamed and put back is not synced",
        rule: "a power loss takes no run away that is told as left",
        test: Some("histories::tests::remove::what_was_put_back_stays_there_after_a_power_loss"),
        changes: &[Change {
            file: REMOVE,
            from: "if progress.has_renamed || !progress.emptying.is_empty() {",
            to: "if !progress.emptying.is_empty() {",
        }],
    },
    Mutation {
        name: "not-put-back-emptied",
        what: "a directory that could not be put back is emptied at once",
        rule: "a call empties nothing of a run that it tells as left",
        test: Some("histories::tests::remove::what_cannot_be_put_back_is_told_and_not_emptied"),
        changes: &[Change {
            file: REMOVE,
            from: "        progress.emptying.retain(|name| !progress.kept.contains(name));
",
            to: "",
        }],
    },
];
