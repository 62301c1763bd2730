// Generated from wit/records/types.wit by `cargo xtask records`.

/**
 * What the calls of `tandem:persistence` and `tandem:persistence-blocking` take and answer. Both
 * packages have the same records, but for what `schedule` answers.
 *
 * Paths are relative to the one directory that the host preopens and use `/`. Durations are
 * milliseconds, sizes are bytes. An option that is absent has its default.
 *
 * Texts and files are UTF-8. One byte order mark at the start of a text that is given, or of a file
 * that is found, is skipped, and no file gets one.
 *
 * A run's files lie in `<runsRoot>/<task>/cli/<run>/`, but for its summary, which lies in
 * `<runsRoot>/<task>/<run>/`. A task's history lies in `<historyRoot>/<task>/`, its lock is
 * `<runsRoot>/<task>.lock`. The layout is that of the orchestrator whose files these are.
 */

/** An integer of an option. It is not negative. Those of answers are numbers. */
export type Integer = number | bigint;

/** One of the files of a run. */
export type Channel =
    /** The run's JSON document: what the run is and where it stands. */
    | 'manifest'
    /** The liveness file: one ISO-8601 UTC timestamp with milliseconds and a newline. */
    | 'heartbeat'
    /** The JSON document of a completed run, written once. */
    | 'summary'
    /** The summaries of all completed runs of a task. */
    | 'history';

/** What a successful write is asked to survive. */
export type Durability =
    /**
     * The file is replaced atomically and not synced. The new content survives a crash of the
     * process. After a power loss the file may be old, absent, empty or torn.
     */
    | 'visible'
    /**
     * The data is synced, the file is replaced atomically, then the directory is synced, and every
     * directory above it too unless this component has synced it before. The new content survives a
     * power loss.
     */
    | 'durable';

/** What a successful write did reach. */
export type Reached =
    /** As `visible` of `Durability`. */
    | 'visible'
    /**
     * The data is synced and the file is replaced, but the file system cannot sync directories:
     * after a power loss the whole old content may be back.
     */
    | 'data-synced'
    /** As `durable` of `Durability`. */
    | 'durable';

/** The step that failed. */
export type Operation =
    /** Create a directory of the layout. POSIX: `mkdirat`. */
    | 'create-directory'
    /** Open the directory, or create a temporary file in it. POSIX: `openat`. */
    | 'open'
    /** Read an existing file. */
    | 'read'
    /** Write the temporary file. */
    | 'write'
    /** Sync the temporary file's data. POSIX: `fdatasync`. */
    | 'sync'
    /**
     * Put the temporary file in the target's place, or set a corrupt file aside. POSIX: `renameat`.
     */
    | 'rename'
    /** Sync a directory. POSIX: `fsync` on a directory. */
    | 'sync-directory'
    /** List the run's directory. */
    | 'list'
    /** Read a file's type, size or time. POSIX: `fstatat`. */
    | 'stat'
    /** Acquire or check the lock of a task history. */
    | 'lock'
    /**
     * Take the directory of a run away, or remove what was in it. POSIX: `renameat`, `unlinkat`.
     */
    | 'remove';

/** What a caller can do about an error. */
export type ErrorKind =
    /** An argument breaks a rule; nothing changed. Correct the argument. */
    | 'invalid-input'
    /** A task id or a run id breaks a rule; nothing changed. Choose another id. */
    | 'invalid-id'
    /** The run is open in this component already. Use that handle, or close it. */
    | 'already-open'
    /** The run is closed or being closed. Open it again. */
    | 'closed'
    /**
     * A file operation failed. What a run did not write stays dirty, and a later flush writes it; a
     * `recordRun` is to be called again.
     */
    | 'storage'
    /**
     * Somebody else writes the same file: when the new file was to be put in its place, it was
     * gone. On a plain file system somebody has removed it, or its directory. A storage that
     * numbers the versions of a file answers so when another owner of the run has written it since.
     * What was not written stays dirty and is not retried by itself: find out who owns the run,
     * then ask again.
     */
    | 'conflict'
    /**
     * A document, patch, summary or existing file is above a limit, or all of them in memory
     * together would be; nothing changed.
     */
    | 'too-large'
    /**
     * Another holder kept the lock of the history for as long as the caller would wait: the summary
     * is written, the history is not; of `removeRuns`, nothing is removed. Call again.
     */
    | 'locked'
    /**
     * The summary is written, the history is not, for any other reason. For `history` and
     * `removeRuns`, which have no summary: the file holds no history of the task. One such reason
     * is that the file is the history of another task whose directory is this task's too: their ids
     * are equal but for ASCII case, or the file system takes the two names for one, or one is a
     * link. It is left as it is, and the message names both ids: choose another id. In a directory
     * that is this task's alone, a history of another task is corrupt.
     */
    | 'history'
    /**
     * The component failed, and whether the call took effect is unknown. Hosts answer it, the
     * component never does.
     */
    | 'component-failed';

/** Who keeps the lock of a task's history. */
export interface LockHolder {
    /** When it acquired the lock, by its own clock, if the lock's file tells. */
    acquiredAt: string | undefined;
    /**
     * How long the lock may stand untouched before the caller may take it over: the lease that the
     * lock's file tells, or the caller's own if it tells none.
     */
    leaseMs: number;
}

/** What a file operation failed with. */
export interface Failure {
    /** The file that was not written, or none if the step served no single file. */
    channel: Channel | undefined;
    /** The step that failed. */
    operation: Operation;
    /** The file or directory that the caller knows; a temporary file is named by its target. */
    path: string;
    /**
     * The name of the `wasi:filesystem` error code, for example `insufficient-space`; `locked` for
     * a lock that another holder kept, `other-task` for a history that is another task's.
     */
    code: string;
    /**
     * Whether the same request can succeed later without a change by the caller. True for
     * `already`, `busy`, `deadlock`, `quota`, `in-progress`, `interrupted`, `io`, `locked`,
     * `no-lock`, `insufficient-memory`, `insufficient-space` and `text-file-busy`.
     */
    retryable: boolean;
    /** One sentence for a person: what, where, why. */
    message: string;
}

/**
 * An error of this package.
 *
 * When both channels of a flush failed, the fields tell the manifest's failure, whichever failed
 * first in time, and `beside` tells the heartbeat's. When both writes of `recordRun` failed, they
 * tell the summary's failure, and `beside` tells the history's.
 */
export interface ErrorFields {
    /** What the caller can do about it. */
    kind: ErrorKind;
    /** The file that was not written, if the error is about one. */
    channel: Channel | undefined;
    /**
     * The step that failed, for `storage`, `conflict`, `locked` and the `history` of `recordRun`;
     * otherwise none.
     */
    operation: Operation | undefined;
    /** The path that the error is about, if there is one. */
    path: string | undefined;
    /** As `Failure.code`, where `operation` is set; otherwise none. */
    code: string | undefined;
    /** As `Failure.retryable`, where `operation` is set; otherwise false. */
    retryable: boolean;
    /** Who keeps the lock, for `locked`, if its file was read; otherwise none. */
    holder: LockHolder | undefined;
    /** One sentence for a person: what, where, which rule. */
    message: string;
    /** The second failure of the same call. */
    beside: Failure | undefined;
}

/** How one file was written. */
export interface Written {
    /** What the write reached. */
    reached: Reached;
    /** The size of the file. */
    bytes: number;
}

/** A document that was set or changed. */
export interface Revised {
    /**
     * Which revision of the document it is. What `openRun` found is revision 0, also if it found
     * none; each change that is accepted adds 1, also one that leaves the text as it was. A later
     * `openRun` counts anew.
     */
    revision: number;
    /** The size of the manifest as its file will hold it. */
    bytes: number;
}

/** What was flushed for a request, without an error. */
export interface Receipt {
    /** Set if the manifest was written. */
    manifest: Written | undefined;
    /** Set if the heartbeat was written. */
    heartbeat: Written | undefined;
    /** The revision of the document that was written, if the manifest was. */
    revision: number | undefined;
}

/** What the component may keep in memory. It counts its own documents against them. */
export interface Limits {
    /** The largest document or patch of a run, and the largest summary. Default: 16 MiB. */
    maxDocumentBytes?: Integer | undefined;
    /**
     * What the documents of all open runs may have together, as their files hold them; at least
     * `maxDocumentBytes`. Summaries that are being recorded are counted apart: they may have 64 MiB
     * together, or `maxDocumentBytes` if that is more. Default: 256 MiB, or twice
     * `maxDocumentBytes` if that is more.
     */
    maxTotalDocumentBytes?: Integer | undefined;
    /**
     * The largest history. It is no part of the total: of histories, so many are in memory at once
     * as have 64 MiB together, or a single larger one. Default: 64 MiB.
     */
    maxHistoryBytes?: Integer | undefined;
}

/** What to open, and how to keep it. */
export interface RunOptions {
    /**
     * The task, a name of the layout. Refused with `invalid-id`: an empty id; more than 128 bytes;
     * control characters (C0, DEL, C1); any of `< > : " | ? *`, `/` and `\`; a leading dot; a
     * trailing dot; leading or trailing Unicode space; bidirectional overrides and the byte order
     * mark; a Windows device name before the first dot; `cli`, `mcp`, `local-mcp` and names that
     * end in `.lock`, in any ASCII case.
     */
    taskId: string;
    /** The run, by the same rules. */
    runId: string;
    /** The throttle of the manifest; 0 for none. Default: 5000 ms. */
    manifestIntervalMs?: Integer | undefined;
    /** The throttle of the heartbeat; 0 for none. Default: 5000 ms. */
    heartbeatIntervalMs?: Integer | undefined;
    /** What a write of the manifest is to survive. Default: `durable`. */
    manifestDurability?: Durability | undefined;
    /** What a write of the heartbeat is to survive. Default: `visible`. */
    heartbeatDurability?: Durability | undefined;
    /**
     * The largest document or patch, as given and as its file holds it. Default, and at most:
     * `Limits.maxDocumentBytes`.
     */
    maxDocumentBytes?: Integer | undefined;
    /** Temporary files older than this are removed by `openRun` and `close`. Default: one hour. */
    sweepAfterMs?: Integer | undefined;
    /** The directory of all runs, relative to the preopened directory. Default: `.runs`. */
    runsRoot?: string | undefined;
    /** The manifest's file name. Default: `manifest.json`. */
    manifestName?: string | undefined;
    /** The heartbeat's file name. Default: `.heartbeat`. */
    heartbeatName?: string | undefined;
}

/** What `openRun` found on the disk. */
export interface Recovery {
    /** The run's directory, relative to the preopened directory. */
    directory: string;
    /**
     * The text of the manifest, if there was a readable one. It is the run's current document, and
     * is written as it was found until it is changed.
     */
    document: string | undefined;
    /** The text of the heartbeat without its newline, if there was a readable one. */
    heartbeat: string | undefined;
    /** The heartbeat's age by the file system's own clock. */
    heartbeatAgeMs: number | undefined;
    /** How many abandoned temporary files were removed. */
    swept: number;
    /** The paths to which corrupt files were moved. */
    setAside: string[];
}

/** What to write, and when. */
export interface Request {
    /** Mark the manifest dirty. */
    manifest?: boolean | undefined;
    /** Mark the heartbeat dirty. */
    heartbeat?: boolean | undefined;
    /** Do not wait for an interval or a back-off, and write everything that is dirty. */
    force?: boolean | undefined;
}

/** How often a channel failed for one reason. */
export interface FailureCount {
    /** The step and the error code, for example `write: insufficient-space`. */
    name: string;
    /** How often. */
    count: number;
}

/** Counters of one channel since `openRun`. */
export interface ChannelStats {
    /** Whether there is something that no flush has taken yet, or that failed. */
    dirty: boolean;
    /** Successful writes. */
    writes: number;
    /** Bytes of successful writes. */
    bytes: number;
    /** Failed writes. */
    failures: number;
    /** Writes that were tried after a failed one, until one succeeded. */
    retries: number;
    /** Failed writes by cause, sorted by name. */
    causes: FailureCount[];
}

/** One step of a histogram. */
export interface Bucket {
    /**
     * The bucket's upper bound in microseconds, a power of two. The largest one, 2^31, has whatever
     * took longer too.
     */
    upToUs: number;
    /** How many flushes took at most this and more than half of it. */
    count: number;
}

/** Counters of a run since `openRun`. */
export interface Stats {
    /** The revision of the document now. */
    revision: number;
    /**
     * The revision that the last successful write of the manifest wrote; none if there was none
     * since `openRun`.
     */
    writtenRevision: number | undefined;
    /** Calls of `mark`, `schedule` and `flush` that were accepted. */
    requests: number;
    /** Of those, calls that shared their flush with an earlier one. */
    coalesced: number;
    /** Flushes that ended. */
    flushes: number;
    /** Flushes that failed, in whole or in part. */
    failedFlushes: number;
    /**
     * Flushes that no request asked for, made to retry what had failed. The component of
     * `tandem:persistence-blocking` makes none, and answers 0; a host that calls it again by itself
     * may count these calls here.
     */
    automaticRetries: number;
    /** The manifest's counters. */
    manifest: ChannelStats;
    /** The heartbeat's counters. */
    heartbeat: ChannelStats;
    /** The error of the last flush that failed, until everything that failed is written. */
    lastError: ErrorFields | undefined;
    /** How long flushes took, from taking the flags to the outcome; empty buckets are left out. */
    latency: Bucket[];
}

/** Where and how to record a run. The run and its task are named in its summary. */
export interface RecordOptions {
    /** The task. Default: that of the summary. If it is given, the summary's must be the same. */
    taskId?: string | undefined;
    /** What the summary is to survive. Default: `durable`. */
    summaryDurability?: Durability | undefined;
    /**
     * What the history is to survive. Default: `durable`. A `visible` write replaces what an
     * earlier one made durable.
     */
    historyDurability?: Durability | undefined;
    /**
     * Keep only this many entries, at least 1, applied after the merge: the run itself, and of the
     * others the last ones in the history's order. Default: all.
     */
    keepLast?: Integer | undefined;
    /**
     * The largest summary, as given and as its file holds it. Default, and at most:
     * `Limits.maxDocumentBytes`.
     */
    maxSummaryBytes?: Integer | undefined;
    /**
     * The largest history, before and after the merge. Default, and at most:
     * `Limits.maxHistoryBytes`.
     */
    maxHistoryBytes?: Integer | undefined;
    /**
     * How long the lock may stand untouched before others may take it over, from 10 ms to 3,600,000
     * ms. It must be longer than three steps of the file system's clock. Default: 10,000 ms.
     */
    leaseMs?: Integer | undefined;
    /**
     * How long to wait for the lock, from when it is first wanted; 0 tries once. Waits of one
     * component add up: it takes over a dead holder's lock when it has seen it unchanged for that
     * holder's lease, however short each wait was. Default: 30,000 ms.
     */
    lockWaitMs?: Integer | undefined;
    /**
     * Temporary files older than this are removed from the directories that are written. Default:
     * one hour.
     */
    sweepAfterMs?: Integer | undefined;
    /** The directory of all runs, relative to the preopened directory. Default: `.runs`. */
    runsRoot?: string | undefined;
    /** The directory of all histories, relative to the preopened directory. Default: `out`. */
    historyRoot?: string | undefined;
    /** The summary's file name. Default: `manifest.json`. */
    summaryName?: string | undefined;
    /** The history's file name, which is not `state.json`. Default: `runs.json`. */
    historyName?: string | undefined;
}

/** What `recordRun` did. */
export interface Recorded {
    /** The summary: `<runsRoot>/<task>/<run>/<summaryName>`. */
    summary: Written;
    /** The history: `<historyRoot>/<task>/<historyName>`. */
    history: Written;
    /** How many entries the history has now. */
    runs: number;
    /**
     * Set if `keepLast` dropped an entry, and no other that it kept is earlier than this run: the
     * ids of those that are later, because the clock that made them was probably ahead. At most 10,
     * the latest first; always empty with a `keepLast` of 1.
     */
    ahead: string[];
    /** Where a corrupt history was kept before it was replaced. */
    setAside: string[];
    /** How many abandoned temporary files were removed. */
    swept: number;
}

/** Of which task runs are removed, and how. */
export interface RemoveOptions {
    /** The task, by the rules of `RunOptions`. */
    taskId: string;
    /**
     * Whether the entries of these runs in the history go too, before anything else. Default: they
     * stay.
     */
    fromHistory?: boolean | undefined;
    /**
     * Whether all other directories of the task are looked through for what killed processes left:
     * temporary files that are older than `sweepAfterMs`, and directories of summaries that have no
     * summary and nothing else. Default: no.
     */
    sweep?: boolean | undefined;
    /**
     * How recent a sign of life is that keeps a run, by the file system's own clock; 0 for none.
     * Default: 30,000 ms.
     */
    aliveForMs?: Integer | undefined;
    /** The largest history. Default, and at most: `Limits.maxHistoryBytes`. */
    maxHistoryBytes?: Integer | undefined;
    /** As in `RecordOptions`. */
    leaseMs?: Integer | undefined;
    /** As in `RecordOptions`. */
    lockWaitMs?: Integer | undefined;
    /** As in `RecordOptions`. */
    sweepAfterMs?: Integer | undefined;
    /** As in `RunOptions`. */
    runsRoot?: string | undefined;
    /** As in `RunOptions`. */
    manifestName?: string | undefined;
    /** As in `RunOptions`. */
    heartbeatName?: string | undefined;
    /** As in `RecordOptions`. */
    summaryName?: string | undefined;
    /** As in `RecordOptions`. */
    historyRoot?: string | undefined;
    /** As in `RecordOptions`. */
    historyName?: string | undefined;
}

/** Why a run is left where it is. */
export type LeftReason =
    /** It is open in this component. */
    | 'open'
    /** It has shown a sign of life. */
    | 'alive'
    /** Something else than a directory is in the place of one of its directories. */
    | 'no-directory'
    /** It could not be taken away. */
    | 'failed';

/** A run that is left where it is. */
export interface LeftRun {
    /** The run. */
    runId: string;
    /** Why. */
    reason: LeftReason;
    /** What failed, for `failed`. */
    failure: Failure | undefined;
}

/** What `removeRuns` did. */
export interface Removed {
    /** The runs that are removed, in the order in which they were named. */
    runs: string[];
    /** The runs of which nothing was there. */
    absent: string[];
    /**
     * The runs that are left where they are. With `fromHistory`, one that showed a sign of life or
     * failed only when it was to be renamed has lost its entry in the history.
     */
    left: LeftRun[];
    /** How many entries of the history are removed. */
    entries: number;
    /** How many directories and files are removed that killed processes left. */
    swept: number;
    /**
     * What could not be removed of directories that were taken away. The next call for this task
     * tries again.
     */
    remaining: Failure[];
}

/** Which history to read. */
export interface HistoryOptions {
    /** The task, by the rules of `RunOptions`. */
    taskId: string;
    /** At most this many runs. Default: all. */
    limit?: Integer | undefined;
    /** The largest file. Default, and at most: `Limits.maxHistoryBytes`. */
    maxHistoryBytes?: Integer | undefined;
    /** As in `RecordOptions`. */
    historyRoot?: string | undefined;
    /** As in `RecordOptions`. */
    historyName?: string | undefined;
}

/** A task's history. */
export interface TaskHistory {
    /** The timestamp of the newest run; empty if there is none. */
    lastRunAt: string;
    /** How many entries there are, above the limit too. */
    total: number;
    /** The JSON text of each entry, newest first. */
    runs: string[];
}
