"""Makes values of this package of what the component answers."""

from __future__ import annotations

from typing import Any

from wasmtime import component

from .errors import Channel, ErrorKind, Failure, Operation, TandemError, error_type
from .values import (
    Bucket,
    Cause,
    ChannelStats,
    History,
    Reached,
    Receipt,
    Recorded,
    Recovery,
    Scheduled,
    Stats,
    Written,
)


def outcome(value: Any) -> Any:
    """The value of a result, or its error raised.

    The bindings wrap a result in a variant only if a Python type alone does not tell the cases
    apart.
    """
    if isinstance(value, component.Variant):
        if value.tag == "ok":
            return value.payload
        raise error(value.payload)
    if isinstance(value, component.Record):
        raise error(value)
    return value


def error(record: Any) -> TandemError:
    kind = ErrorKind(record.kind)
    return error_type(kind)(
        kind,
        record.message,
        channel=_optional(Channel, record.channel),
        operation=_optional(Operation, record.operation),
        path=record.path,
        code=record.code,
        retryable=record.retryable,
        beside=_optional(_failure, record.beside),
    )


def _optional(lift: Any, value: Any) -> Any:
    return None if value is None else lift(value)


def _failure(record: Any) -> Failure:
    return Failure(
        channel=_optional(Channel, record.channel),
        operation=Operation(record.operation),
        path=record.path,
        code=record.code,
        retryable=record.retryable,
        message=record.message,
    )


def _written(record: Any) -> Written:
    return Written(Reached(record.reached), record.bytes)


def receipt(record: Any) -> Receipt:
    return Receipt(_optional(_written, record.manifest), _optional(_written, record.heartbeat))


def scheduled(record: Any) -> Scheduled:
    return Scheduled(receipt(record.receipt), getattr(record, "call-again-in-ms"))


def recovery(record: Any) -> Recovery:
    return Recovery(
        directory=record.directory,
        document=record.document,
        heartbeat=record.heartbeat,
        heartbeat_age_ms=getattr(record, "heartbeat-age-ms"),
        swept=record.swept,
        set_aside=tuple(getattr(record, "set-aside")),
    )


def recorded(record: Any) -> Recorded:
    return Recorded(
        summary=_written(record.summary),
        history=_written(record.history),
        runs=record.runs,
        is_dropped=getattr(record, "is-dropped"),
        set_aside=tuple(getattr(record, "set-aside")),
        swept=record.swept,
    )


def history(record: Any) -> History:
    return History(getattr(record, "last-run-at"), record.total, tuple(record.runs))


def _channel_stats(record: Any) -> ChannelStats:
    return ChannelStats(
        dirty=record.dirty,
        writes=record.writes,
        bytes=record.bytes,
        failures=record.failures,
        retries=record.retries,
        causes=tuple(Cause(cause.name, cause.count) for cause in record.causes),
    )


def stats(record: Any) -> Stats:
    return Stats(
        requests=record.requests,
        coalesced=record.coalesced,
        flushes=record.flushes,
        failed_flushes=getattr(record, "failed-flushes"),
        automatic_retries=getattr(record, "automatic-retries"),
        manifest=_channel_stats(record.manifest),
        heartbeat=_channel_stats(record.heartbeat),
        last_error=_optional(error, getattr(record, "last-error")),
        latency=tuple(Bucket(getattr(b, "up-to-us"), b.count) for b in record.latency),
    )
