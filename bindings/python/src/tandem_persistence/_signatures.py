"""What the component's exports take and answer."""

# Generated from the component by `build_signatures.py`.

from __future__ import annotations

TYPE_0 = (
    "record",
    (
        ("task-id", "string"),
        ("limit", ("option", "u32")),
        ("max-history-bytes", ("option", "u64")),
        ("history-root", ("option", "string")),
        ("history-name", ("option", "string")),
    ),
)
TYPE_1 = (
    "record",
    (
        ("last-run-at", "string"),
        ("total", "u32"),
        ("runs", ("list", "string")),
    ),
)
TYPE_2 = (
    "enum",
    (
        "invalid-input",
        "invalid-id",
        "already-open",
        "closed",
        "storage",
        "conflict",
        "too-large",
        "locked",
        "history",
        "component-failed",
    ),
)
TYPE_3 = ("enum", ("manifest", "heartbeat", "summary", "history"))
TYPE_4 = (
    "enum",
    (
        "create-directory",
        "open",
        "read",
        "write",
        "sync",
        "rename",
        "sync-directory",
        "list",
        "stat",
        "lock",
        "remove",
    ),
)
TYPE_5 = (
    "record",
    (
        ("acquired-at", ("option", "string")),
        ("lease-ms", "u64"),
    ),
)
TYPE_6 = (
    "record",
    (
        ("channel", ("option", TYPE_3)),
        ("operation", TYPE_4),
        ("path", "string"),
        ("code", "string"),
        ("retryable", "bool"),
        ("message", "string"),
    ),
)
TYPE_7 = (
    "record",
    (
        ("kind", TYPE_2),
        ("channel", ("option", TYPE_3)),
        ("operation", ("option", TYPE_4)),
        ("path", ("option", "string")),
        ("code", ("option", "string")),
        ("retryable", "bool"),
        ("holder", ("option", TYPE_5)),
        ("message", "string"),
        ("beside", ("option", TYPE_6)),
    ),
)
TYPE_8 = ("enum", ("visible", "durable"))
TYPE_9 = (
    "record",
    (
        ("task-id", ("option", "string")),
        ("summary-durability", ("option", TYPE_8)),
        ("history-durability", ("option", TYPE_8)),
        ("keep-last", ("option", "u32")),
        ("max-summary-bytes", ("option", "u64")),
        ("max-history-bytes", ("option", "u64")),
        ("lease-ms", ("option", "u64")),
        ("lock-wait-ms", ("option", "u64")),
        ("sweep-after-ms", ("option", "u64")),
        ("runs-root", ("option", "string")),
        ("history-root", ("option", "string")),
        ("summary-name", ("option", "string")),
        ("history-name", ("option", "string")),
    ),
)
TYPE_10 = ("enum", ("visible", "data-synced", "durable"))
TYPE_11 = (
    "record",
    (
        ("reached", TYPE_10),
        ("bytes", "u64"),
    ),
)
TYPE_12 = (
    "record",
    (
        ("summary", TYPE_11),
        ("history", TYPE_11),
        ("runs", "u32"),
        ("ahead", ("list", "string")),
        ("set-aside", ("list", "string")),
        ("swept", "u32"),
    ),
)
TYPE_13 = (
    "record",
    (
        ("task-id", "string"),
        ("from-history", ("option", "bool")),
        ("sweep", ("option", "bool")),
        ("alive-for-ms", ("option", "u64")),
        ("max-history-bytes", ("option", "u64")),
        ("lease-ms", ("option", "u64")),
        ("lock-wait-ms", ("option", "u64")),
        ("sweep-after-ms", ("option", "u64")),
        ("runs-root", ("option", "string")),
        ("manifest-name", ("option", "string")),
        ("heartbeat-name", ("option", "string")),
        ("summary-name", ("option", "string")),
        ("history-root", ("option", "string")),
        ("history-name", ("option", "string")),
    ),
)
TYPE_14 = ("enum", ("open", "alive", "no-directory", "failed"))
TYPE_15 = (
    "record",
    (
        ("run-id", "string"),
        ("reason", TYPE_14),
        ("failure", ("option", TYPE_6)),
    ),
)
TYPE_16 = (
    "record",
    (
        ("runs", ("list", "string")),
        ("absent", ("list", "string")),
        ("left", ("list", TYPE_15)),
        ("entries", "u32"),
        ("swept", "u32"),
        ("remaining", ("list", TYPE_6)),
    ),
)
TYPE_17 = (
    "record",
    (
        ("manifest", ("option", TYPE_11)),
        ("heartbeat", ("option", TYPE_11)),
        ("revision", ("option", "u64")),
    ),
)
TYPE_18 = (
    "record",
    (
        ("manifest", "bool"),
        ("heartbeat", "bool"),
        ("force", "bool"),
    ),
)
TYPE_19 = (
    "record",
    (
        ("revision", "u64"),
        ("bytes", "u64"),
    ),
)
TYPE_20 = (
    "record",
    (
        ("receipt", TYPE_17),
        ("call-again-in-ms", ("option", "u64")),
    ),
)
TYPE_21 = (
    "record",
    (
        ("name", "string"),
        ("count", "u64"),
    ),
)
TYPE_22 = (
    "record",
    (
        ("dirty", "bool"),
        ("writes", "u64"),
        ("bytes", "u64"),
        ("failures", "u64"),
        ("retries", "u64"),
        ("causes", ("list", TYPE_21)),
    ),
)
TYPE_23 = (
    "record",
    (
        ("up-to-us", "u64"),
        ("count", "u64"),
    ),
)
TYPE_24 = (
    "record",
    (
        ("revision", "u64"),
        ("written-revision", ("option", "u64")),
        ("requests", "u64"),
        ("coalesced", "u64"),
        ("flushes", "u64"),
        ("failed-flushes", "u64"),
        ("automatic-retries", "u64"),
        ("manifest", TYPE_22),
        ("heartbeat", TYPE_22),
        ("last-error", ("option", TYPE_7)),
        ("latency", ("list", TYPE_23)),
    ),
)
TYPE_25 = (
    "record",
    (
        ("task-id", "string"),
        ("run-id", "string"),
        ("manifest-interval-ms", ("option", "u64")),
        ("heartbeat-interval-ms", ("option", "u64")),
        ("manifest-durability", ("option", TYPE_8)),
        ("heartbeat-durability", ("option", TYPE_8)),
        ("max-document-bytes", ("option", "u64")),
        ("sweep-after-ms", ("option", "u64")),
        ("runs-root", ("option", "string")),
        ("manifest-name", ("option", "string")),
        ("heartbeat-name", ("option", "string")),
    ),
)
TYPE_26 = (
    "record",
    (
        ("directory", "string"),
        ("document", ("option", "string")),
        ("heartbeat", ("option", "string")),
        ("heartbeat-age-ms", ("option", "u64")),
        ("swept", "u32"),
        ("set-aside", ("list", "string")),
    ),
)
TYPE_27 = (
    "record",
    (
        ("max-document-bytes", ("option", "u64")),
        ("max-total-document-bytes", ("option", "u64")),
        ("max-history-bytes", ("option", "u64")),
    ),
)

SIGNATURES = {
    "tandem:persistence-blocking/histories@0.1.0#history": ((TYPE_0,), ("result", TYPE_1, TYPE_7)),
    "tandem:persistence-blocking/histories@0.1.0#record-run": (
        (
            "string",
            TYPE_9,
        ),
        ("result", TYPE_12, TYPE_7),
    ),
    "tandem:persistence-blocking/histories@0.1.0#record-runs": (
        (
            ("list", "string"),
            TYPE_9,
        ),
        ("list", ("result", TYPE_12, TYPE_7)),
    ),
    "tandem:persistence-blocking/histories@0.1.0#remove-runs": (
        (
            ("list", "string"),
            TYPE_13,
        ),
        ("result", TYPE_16, TYPE_7),
    ),
    "tandem:persistence-blocking/runs@0.1.0#[method]run.close": (
        ("resource",),
        ("result", TYPE_17, TYPE_7),
    ),
    "tandem:persistence-blocking/runs@0.1.0#[method]run.flush": (
        ("resource",),
        ("result", TYPE_17, TYPE_7),
    ),
    "tandem:persistence-blocking/runs@0.1.0#[method]run.mark": (
        (
            "resource",
            TYPE_18,
        ),
        ("result", None, TYPE_7),
    ),
    "tandem:persistence-blocking/runs@0.1.0#[method]run.merge": (
        (
            "resource",
            "string",
        ),
        ("result", TYPE_19, TYPE_7),
    ),
    "tandem:persistence-blocking/runs@0.1.0#[method]run.schedule": (
        (
            "resource",
            TYPE_18,
        ),
        ("result", TYPE_20, TYPE_7),
    ),
    "tandem:persistence-blocking/runs@0.1.0#[method]run.set": (
        (
            "resource",
            "string",
        ),
        ("result", TYPE_19, TYPE_7),
    ),
    "tandem:persistence-blocking/runs@0.1.0#[method]run.stats": (("resource",), TYPE_24),
    "tandem:persistence-blocking/runs@0.1.0#[static]run.open": (
        (TYPE_25,),
        (
            "result",
            (
                "tuple",
                (
                    "resource",
                    TYPE_26,
                ),
            ),
            TYPE_7,
        ),
    ),
    "tandem:persistence-blocking/runs@0.1.0#set-limits": ((TYPE_27,), ("result", None, TYPE_7)),
}
