//! Writes, as statements.

use std::collections::HashMap;
use std::time::SystemTime;

use tandem_documents::{Expect, Level, Version, Write};
use tokio_postgres::Row;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::keys;
use crate::pool::Repeat;
use crate::shared::Shared;

/// What one statement can have: writes that follow a version, or writes that follow nothing. A
/// statement of both could wait for another host's in two orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Insert,
    Update,
}

impl Kind {
    pub fn of(expect: Expect) -> Self {
        match expect {
            Expect::Absent => Kind::Insert,
            Expect::Is(_) => Kind::Update,
        }
    }
}

/// One write of a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'a> {
    pub key: &'a str,
    pub body: Option<&'a [u8]>,
    pub expect: Expect,
    /// The time that it is to have; none for now.
    pub modified: Option<SystemTime>,
}

/// The version behind another one: by the clock, so that no crash repeats it; by chance, in case the
/// clock does; and always greater.
fn version_behind(version: &str) -> String {
    format!(
        "greatest({version}, (extract(epoch from clock_timestamp()) * 1000)::bigint << 20)
            + 1 + (random() * 1048575)::bigint"
    )
}

/// What has a transaction commit without waiting for a disk. It takes effect where the statement
/// reads from it.
fn quick(level: Level) -> (&'static str, &'static str) {
    match level {
        Level::Durable => ("", ""),
        Level::Visible => (
            ", quick as materialized (select set_config('synchronous_commit', 'off', true))",
            "cross join quick",
        ),
    }
}

/// Of `$1` keys, `$2` bodies, `$3` times, `$4` versions, those whose document or mark has the version, locked
/// in the order of their keys.
fn update(schema: &str, level: Level) -> String {
    let (quick, join_quick) = quick(level);
    let version = version_behind("document.version");
    let parts = keys::parts("key");
    format!(
        "with given as (
            select {parts}, body, modified, expected
            from unnest($1::text[], $2::bytea[], $3::timestamptz[], $4::bigint[])
                as given (key, body, modified, expected)
        ), held as (
            select document.head, document.tail_id, given.body, given.modified from \"{schema}\".documents document
            join given on document.head = given.head and document.tail_id = given.tail_id
                and document.version = given.expected
            order by document.head, document.tail_id for update of document
        ){quick}
        update \"{schema}\".documents document set
            version = {version},
            body = held.body,
            modified = coalesce(held.modified,
                greatest(clock_timestamp(), document.modified + interval '1 microsecond')),
            changed_in = pg_current_xact_id()
        from held {join_quick}
        where document.head = held.head and document.tail_id = held.tail_id
        returning document.head || document.tail, document.version"
    )
}

/// Of `$1` keys, `$2` bodies, `$3` times, those that have neither document nor mark.
fn insert(schema: &str, level: Level) -> String {
    let (quick, join_quick) = quick(level);
    let version = version_behind("0");
    let parts = keys::parts("key");
    format!(
        "with given as (
            select {parts}, body, modified
            from unnest($1::text[], $2::bytea[], $3::timestamptz[]) as given (key, body, modified)
        ){quick}
        insert into \"{schema}\".documents as document
            (head, tail, tail_id, version, body, modified, changed_in)
        select head, tail, tail_id, {version}, body, coalesce(modified, clock_timestamp()),
            pg_current_xact_id()
        from given {join_quick} order by head collate \"C\", tail_id
        on conflict (head, tail_id) do nothing
        returning document.head || document.tail, document.version"
    )
}

/// Sends one statement of writes of one kind; answers the versions of those that were made.
async fn send(
    connection: &mut Connection,
    shared: &Shared,
    kind: Kind,
    level: Level,
    writes: &[Given<'_>],
) -> Result<Vec<Row>, Failure> {
    let keys: Vec<&str> = writes.iter().map(|write| write.key).collect();
    let bodies: Vec<Option<&[u8]>> = writes.iter().map(|write| write.body).collect();
    let times: Vec<Option<SystemTime>> = writes.iter().map(|write| write.modified).collect();
    match kind {
        Kind::Insert => {
            let sql = insert(shared.pool.schema(), level);
            connection.query(&sql, &[&keys, &bodies, &times], true, shared.patience).await
        }
        Kind::Update => {
            let expected = |write: &Given<'_>| match write.expect {
                // No document has a version below 1.
                Expect::Absent => -1,
                Expect::Is(Version(version)) => i64::try_from(version).unwrap_or(-1),
            };
            let expected: Vec<i64> = writes.iter().map(expected).collect();
            let sql = update(shared.pool.schema(), level);
            connection
                .query(&sql, &[&keys, &bodies, &times, &expected], true, shared.patience)
                .await
        }
    }
}

/// Makes writes of one kind, each on its own condition, and answers the new versions of those that
/// were made. Their keys are different, and in order.
pub(crate) async fn write(
    shared: &Shared,
    deadline: tokio::time::Instant,
    kind: Kind,
    level: Level,
    writes: &[Given<'_>],
) -> Result<HashMap<String, Version>, Failure> {
    let work = async |connection: &mut Connection| {
        let rows = send(connection, shared, kind, level, writes).await?;
        rows.iter().map(made).collect()
    };
    shared.pool.attempt(deadline, Repeat::Write, work).await
}

fn made(row: &Row) -> Result<(String, Version), Failure> {
    let key: String = row.try_get(0).map_err(Failure::of)?;
    let version: i64 = row.try_get(1).map_err(Failure::of)?;
    Ok((key, Version(version.cast_unsigned())))
}

/// Makes all writes or none, durably. What exists is locked first, in the order of the keys.
pub(crate) async fn replace_all(shared: &Shared, mut writes: Vec<Write>) -> Result<bool, Failure> {
    writes.sort_by(|a, b| a.key.cmp(&b.key));
    let given = |kind: Kind| {
        let of_kind = writes.iter().filter(move |write| Kind::of(write.expect) == kind);
        of_kind.map(given_of).collect::<Vec<_>>()
    };
    let (updates, inserts) = (given(Kind::Update), given(Kind::Insert));
    let work = async |connection: &mut Connection| {
        let made = make_all(connection, shared, &updates, &inserts).await;
        // In the middle of a transaction a connection is of no use to anybody else.
        made.map_err(Failure::with_connection)
    };
    shared.pool.attempt(shared.deadline(), Repeat::Write, work).await
}

fn given_of(write: &Write) -> Given<'_> {
    Given {
        key: &write.key,
        body: write.body.as_deref(),
        expect: write.expect,
        modified: write.modified,
    }
}

async fn make_all(
    connection: &mut Connection,
    shared: &Shared,
    updates: &[Given<'_>],
    inserts: &[Given<'_>],
) -> Result<bool, Failure> {
    connection.command("begin", false, shared.patience).await.map_err(Failure::before_commit)?;
    for (kind, writes) in [(Kind::Update, updates), (Kind::Insert, inserts)] {
        if writes.is_empty() {
            continue;
        }
        let made = send(connection, shared, kind, Level::Durable, writes).await;
        if made.map_err(Failure::before_commit)?.len() < writes.len() {
            // What is not committed is not made, whatever becomes of the connection.
            connection.is_spoilt =
                connection.command("rollback", false, shared.patience).await.is_err();
            return Ok(false);
        }
    }
    connection.command("commit", true, shared.patience).await?;
    Ok(true)
}
