// Generated from wit/records/types.wit by `cargo xtask records`.

export const DURABILITY = [
    'visible',
    'durable',
];

export const ERROR_FIELDS = [
    'kind',
    'channel',
    'operation',
    'path',
    'code',
    'retryable',
    'holder',
    'message',
    'beside',
];

export const LIMITS = {
    required: {},
    optional: {
        maxDocumentBytes: 'u64',
        maxTotalDocumentBytes: 'u64',
        maxHistoryBytes: 'u64',
    },
    flags: {},
};

export const RUN_OPTIONS = {
    required: {
        taskId: 'string',
        runId: 'string',
    },
    optional: {
        manifestIntervalMs: 'u64',
        heartbeatIntervalMs: 'u64',
        manifestDurability: DURABILITY,
        heartbeatDurability: DURABILITY,
        maxDocumentBytes: 'u64',
        sweepAfterMs: 'u64',
        runsRoot: 'string',
        manifestName: 'string',
        heartbeatName: 'string',
    },
    flags: {},
};

export const REQUEST = {
    required: {},
    optional: {},
    flags: {
        manifest: 'boolean',
        heartbeat: 'boolean',
        force: 'boolean',
    },
};

export const RECORD_OPTIONS = {
    required: {},
    optional: {
        taskId: 'string',
        summaryDurability: DURABILITY,
        historyDurability: DURABILITY,
        keepLast: 'u32',
        maxSummaryBytes: 'u64',
        maxHistoryBytes: 'u64',
        leaseMs: 'u64',
        lockWaitMs: 'u64',
        sweepAfterMs: 'u64',
        runsRoot: 'string',
        historyRoot: 'string',
        summaryName: 'string',
        historyName: 'string',
    },
    flags: {},
};

export const REMOVE_OPTIONS = {
    required: {
        taskId: 'string',
    },
    optional: {
        fromHistory: 'boolean',
        sweep: 'boolean',
        aliveForMs: 'u64',
        maxHistoryBytes: 'u64',
        leaseMs: 'u64',
        lockWaitMs: 'u64',
        sweepAfterMs: 'u64',
        runsRoot: 'string',
        manifestName: 'string',
        heartbeatName: 'string',
        summaryName: 'string',
        historyRoot: 'string',
        historyName: 'string',
    },
    flags: {},
};

export const HISTORY_OPTIONS = {
    required: {
        taskId: 'string',
    },
    optional: {
        limit: 'u32',
        maxHistoryBytes: 'u64',
        historyRoot: 'string',
        historyName: 'string',
    },
    flags: {},
};
