/** One of the files of a run. */
export type Channel = 'manifest' | 'heartbeat' | 'summary' | 'history';

/**
 * What a write is to survive: `visible` a crash of the process, `durable` a loss of power too.
 */
export type Durability = 'visible' | 'durable';

/**
 * What a write did reach. `data-synced`: the file system cannot sync directories, so after a loss
 * of power the whole old content may be back.
 */
export type Reached = 'visible' | 'data-synced' | 'durable';

/** The step of a write that failed. */
export type Operation =
    | 'create-directory'
    | 'open'
    | 'read'
    | 'write'
    | 'sync'
    | 'rename'
    | 'sync-directory'
    | 'list'
    | 'stat'
    | 'lock';

/** A JSON object, or its text. A text keeps its keys and numbers; an object goes through `JSON.stringify`. */
export type Json = string | object;

/** An integer that is not negative. */
export type Integer = number | bigint;

export interface CreateOptions {
    /** The directory to keep everything in. It must exist. Nothing outside of it can be touched. */
    dir: string | URL;
    /** The largest document or patch of any run, and the largest summary. Default: 16 MiB. */
    maxDocumentBytes?: Integer | undefined;
    /**
     * What the documents of all open runs may have together, as their files hold them; what would
     * exceed it is `too-large`. Default: 256 MiB, or twice `maxDocumentBytes` if that is more.
     */
    maxTotalDocumentBytes?: Integer | undefined;
    /** The largest history of any task. Default: 64 MiB. */
    maxHistoryBytes?: Integer | undefined;
}

export interface RunOptions {
    /** The task, a name of the layout. */
    taskId: string;
    /** The run, by the same rules. */
    runId: string;
    /** The throttle. Default: 5000. */
    intervalMs?: Integer | undefined;
    /** Default: `durable`. */
    manifestDurability?: Durability | undefined;
    /** Default: `visible`. */
    heartbeatDurability?: Durability | undefined;
    /** The largest document or patch, as given and as its file holds it. Default, and at most: that of `create`. */
    maxDocumentBytes?: Integer | undefined;
    /** Temporary files older than this are removed by `open` and `close`. Default: one hour. */
    sweepAfterMs?: Integer | undefined;
    /** The directory of all runs, relative to `dir`. Default: `.runs`. */
    runsRoot?: string | undefined;
    /** Default: `manifest.json`. */
    manifestName?: string | undefined;
    /** Default: `.heartbeat`. */
    heartbeatName?: string | undefined;
}

/** What `open` found on the disk. */
export interface Recovery {
    /** The run's directory, relative to `dir`. */
    directory: string;
    /** The text of the manifest, if there was a readable one. It is the run's document until it is changed. */
    document: string | undefined;
    /** The text of the heartbeat without its newline, if there was a readable one. */
    heartbeat: string | undefined;
    heartbeatAgeMs: Integer | undefined;
    /** How many abandoned temporary files were removed. */
    swept: number;
    /** The paths to which corrupt files were moved. */
    setAside: string[];
}

/** What to write, and when. What is left out is false. */
export interface Request {
    /** Mark the manifest dirty. */
    manifest?: boolean | undefined;
    /** Mark the heartbeat dirty. */
    heartbeat?: boolean | undefined;
    /** Do not wait for the throttle or a back-off, and write everything that is dirty. */
    force?: boolean | undefined;
}

export interface Written {
    reached: Reached;
    bytes: Integer;
}

/** What was written for a request. */
export interface Receipt {
    manifest: Written | undefined;
    heartbeat: Written | undefined;
}

export interface ChannelStats {
    /** Whether there is something that no flush has taken yet, or that failed. */
    dirty: boolean;
    writes: Integer;
    bytes: Integer;
    failures: Integer;
    retries: Integer;
    /** Failed writes by cause, such as `write: insufficient-space`. */
    causes: { name: string; count: Integer }[];
}

/** Counters since `open`. */
export interface Stats {
    requests: Integer;
    coalesced: Integer;
    flushes: Integer;
    failedFlushes: Integer;
    automaticRetries: Integer;
    manifest: ChannelStats;
    heartbeat: ChannelStats;
    lastError: ErrorFields | undefined;
    /** How many flushes took at most so many microseconds, and more than the bucket before. */
    latency: { upToUs: Integer; count: Integer }[];
}

export interface RecordOptions {
    taskId: string;
    /** Default: `durable`. */
    summaryDurability?: Durability | undefined;
    /** Default: `durable`. */
    historyDurability?: Durability | undefined;
    /** Keep only this many of the last runs, at least 1. Default: all. */
    keepLast?: Integer | undefined;
    /** Default, and at most: `maxDocumentBytes` of `create`. */
    maxSummaryBytes?: Integer | undefined;
    /** Default, and at most: that of `create`. */
    maxHistoryBytes?: Integer | undefined;
    /** How long the lock may stand untouched before others may take it over. Default: 10,000. */
    leaseMs?: Integer | undefined;
    /** How long to wait for the lock; 0 tries once. Default: 30,000. */
    lockWaitMs?: Integer | undefined;
    sweepAfterMs?: Integer | undefined;
    /** Default: `.runs`. */
    runsRoot?: string | undefined;
    /** Default: `out`. */
    historyRoot?: string | undefined;
    /** Default: `manifest.json`. */
    summaryName?: string | undefined;
    /** Default: `runs.json`. */
    historyName?: string | undefined;
}

export interface Recorded {
    summary: Written;
    history: Written;
    /** How many entries the history has now. */
    runs: number;
    /** Whether `keepLast` dropped the run itself. */
    isDropped: boolean;
    /** Where corrupt files were kept before they were replaced. */
    setAside: string[];
    swept: number;
}

export interface HistoryOptions {
    taskId: string;
    /** At most this many runs. Default: all. */
    limit?: Integer | undefined;
    /** Default: 64 MiB. */
    maxHistoryBytes?: Integer | undefined;
    /** Default: `out`. */
    historyRoot?: string | undefined;
    /** Default: `runs.json`. */
    historyName?: string | undefined;
}

export interface TaskHistory {
    /** The timestamp of the newest run; empty if there is none. */
    lastRunAt: string;
    /** How many entries there are, above the limit too. */
    total: number;
    /** The JSON text of each entry, newest first. */
    runs: string[];
}

/**
 * What a caller can do about an error.
 *
 * `component-failed` tells of a mistake in the component or below it: every later call on the same
 * `Tandem` fails with it. What was written stays whole. A new `Tandem` works.
 */
export type ErrorKind =
    | 'invalid-input'
    | 'invalid-id'
    | 'already-open'
    | 'closed'
    | 'storage'
    | 'too-large'
    | 'locked'
    | 'history'
    | 'component-failed';

/** The second failure of a call. */
export interface Failure {
    channel: Channel | undefined;
    operation: Operation;
    path: string;
    code: string;
    retryable: boolean;
    message: string;
}

export interface ErrorFields {
    kind: ErrorKind;
    /** The file that was not written, if the error is about one. */
    channel: Channel | undefined;
    /** The step that failed. */
    operation: Operation | undefined;
    /** The path that the error is about, relative to `dir`. */
    path: string | undefined;
    /** The name of the error code, such as `insufficient-space`. */
    code: string | undefined;
    /** Whether the same request can succeed later without a change by the caller. */
    retryable: boolean;
    /** One sentence for a person: what, where, which rule. */
    message: string;
    /** The second failure of the same call. */
    beside: Failure | undefined;
}

/** Every error of this package, wrong arguments too. */
export class TandemError extends Error implements ErrorFields {
    private constructor();
    override readonly name: 'TandemError';
    readonly kind: ErrorKind;
    readonly channel: Channel | undefined;
    readonly operation: Operation | undefined;
    readonly path: string | undefined;
    readonly code: string | undefined;
    readonly retryable: boolean;
    readonly beside: Failure | undefined;
}

/** One instance of the component. It serves any number of runs at the same time. */
export class Tandem {
    private constructor();
    static create(options: CreateOptions): Promise<Tandem>;
    /** Open a run, and tell in its `recovery` what is there already. */
    open(options: RunOptions): Promise<Run>;
    /** Record a completed run: write its summary, and merge it into its task's history. */
    recordRun(summary: Json, options: RecordOptions): Promise<Recorded>;
    /** Read a task's history, and change nothing. */
    history(options: HistoryOptions): Promise<TaskHistory>;
}

/** An open run. */
export class Run implements AsyncDisposable {
    private constructor();
    readonly recovery: Recovery;
    /** Replace the document. Nothing is written before `schedule`, `flush` or `close`. */
    set(document: Json): Promise<void>;
    /** Change the document by a JSON merge patch (RFC 7396). */
    merge(patch: Json): Promise<void>;
    /** Write what is asked for, when the throttle allows or by force, and wait until it is written. */
    schedule(request: Request): Promise<Receipt>;
    /** Write everything that is dirty, now. It fails as long as something stays unwritten. */
    flush(): Promise<Receipt>;
    /** Write everything that is dirty, and end the run. If it fails, the run stays open. */
    close(): Promise<Receipt>;
    /** The counters, of a closed run too. */
    stats(): Promise<Stats>;
    /** Give the run up without writing what is dirty. Calls that are under way end first. */
    drop(): void;
    /** `close`. */
    [Symbol.asyncDispose](): Promise<void>;
}
