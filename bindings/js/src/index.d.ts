import type {
    ErrorFields,
    HistoryOptions,
    Limits,
    Receipt,
    Recorded,
    RecordOptions,
    Recovery as Found,
    Removed,
    RemoveOptions,
    Request,
    Revised,
    RunOptions,
    Stats,
    TaskHistory as History,
} from './records.js';

export type * from './records.js';

/** A JSON object. */
export interface JsonObject {
    [name: string]: any;
}

/** A JSON object, or its text. A text keeps its keys and numbers; an object goes through `JSON.stringify`. */
export type Json = string | object;

export interface CreateOptions extends Limits {
    /** The directory to keep everything in. It must exist. Nothing outside of it can be touched. */
    dir: string | URL;
}

/** Whether JSON is answered as it stands in its file, and not as what `JSON.parse` makes of it. */
export interface Text<T extends boolean = boolean> {
    text: T;
}

/** What `openRun` found on the disk. */
export interface Recovery extends Omit<Found, 'document'> {
    /** The manifest, if there was a readable one. It is the run's current document. */
    readonly document: JsonObject | undefined;
    /** Its text as it was found. */
    readonly documentText: string | undefined;
}

/** A task's history, the newest run first. */
export interface TaskHistory<T = JsonObject> extends Omit<History, 'runs'> {
    runs: T[];
}

/** Every error of this package, wrong arguments too. */
export class TandemError extends Error {
    private constructor();
    override readonly name: 'TandemError';
}
export interface TandemError extends Readonly<Omit<ErrorFields, 'message'>> {}

/** The component in its threads. It serves any number of runs at the same time. */
export class Tandem implements AsyncDisposable {
    private constructor();
    /** Make the directory, and those above it, if there is none. */
    static open(dir: string | URL, limits?: Limits): Promise<Tandem>;
    /** For a directory that exists. */
    static create(options: CreateOptions): Promise<Tandem>;
    /** Open a run, and tell in its `recovery` what is there already. */
    openRun(options: RunOptions): Promise<Run>;
    /**
     * Record a completed run: write its summary, and merge it into its task's history. The summary
     * has the strings `taskId`, `runId` and `timestamp`, which is `YYYY-MM-DDTHH:MM:SS[.fraction]Z`.
     * Summaries that are being recorded are counted apart from the documents of open runs.
     */
    recordRun(summary: Json, options?: RecordOptions): Promise<Recorded>;
    /**
     * Remove the directories of runs of a task, with all that is in them. The entries in the history
     * stay unless `fromHistory` is set. A run that is open, or has shown a sign of life lately, is
     * left, and `left` tells. A process that is killed leaves each directory as it was, or renamed;
     * the next call for the task removes what it renamed.
     */
    removeRuns(runs: readonly string[], options: RemoveOptions): Promise<Removed>;
    /** Read a task's history, and change nothing. */
    history(options: HistoryOptions & Text<true>): Promise<TaskHistory<string>>;
    history(options: HistoryOptions & Partial<Text<false>>): Promise<TaskHistory>;
    history(options: HistoryOptions & Text<boolean>): Promise<TaskHistory<string> | TaskHistory>;
    /**
     * Close every run, wait for what is being recorded, and end everything. Whoever waits for a lock
     * is tried once more. If a run cannot be written, its error is told, and all the rest is ended
     * all the same.
     */
    close(): Promise<void>;
    /** `close`. */
    [Symbol.asyncDispose](): Promise<void>;
}

/** An open run. Without flags, a request is about what is dirty. */
export class Run implements AsyncDisposable {
    private constructor();
    readonly recovery: Recovery;
    /**
     * Replace the document. Nothing is written before `schedule`, `flush` or `close`. It is saved
     * once the `writtenRevision` of `stats` has reached the revision that is answered.
     */
    set(document: Json): Promise<Revised>;
    /** Change the document by a JSON merge patch (RFC 7396). */
    merge(patch: Json): Promise<Revised>;
    /**
     * Read the document as its file has it: what was written last, and not what was changed since.
     * It is undefined if there is no file. A file that is no JSON is an error of the kind `storage`,
     * and can be read as text.
     */
    written(options: Text<true>): Promise<string | undefined>;
    written(options?: Partial<Text<false>>): Promise<JsonObject | undefined>;
    written(options: Text<boolean>): Promise<string | JsonObject | undefined>;
    /**
     * Ask for what `schedule` asks for, and do not wait until it is written. A failure shows in
     * `stats`, and in the next call that waits for what was not written. What failed is written
     * again by itself, but for a `conflict`. A run that is closed or dropped, and a Tandem that is
     * closed or failed, are no errors here, so that nobody has to catch them: any other call tells
     * of them. What is left are wrong arguments, and a manifest that was never set.
     */
    mark(request?: Request): Promise<void>;
    /**
     * Write what is asked for, when the throttle allows or by force, and wait until it is written.
     * Without flags it gets the outcome of the flush in flight, unless something was changed since
     * that began. If a flush fails in part, its error is told to all whose requests it took, also
     * to those whose own file was written.
     */
    schedule(request?: Request): Promise<Receipt>;
    /** Write everything that is dirty, now. It fails as long as something stays unwritten. */
    flush(): Promise<Receipt>;
    /**
     * Write everything that is dirty, and end the run. If it fails, the run stays open. Of a run
     * that is closed already, alone or with its Tandem, the receipt is empty.
     */
    close(): Promise<Receipt>;
    /** The counters, also of a run that is closed, alone or with its Tandem. */
    stats(): Promise<Stats>;
    /**
     * Give the run up without writing what is dirty. Calls that are under way end first; until then
     * `removeRuns` finds the run open, and `openRun` waits.
     */
    drop(): void;
    /** `close`, unless the run was closed or dropped. */
    [Symbol.asyncDispose](): Promise<void>;
}
