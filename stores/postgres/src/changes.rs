//! What changed since a cursor.
//!
//! No index helps to find it: one on what every write changes would have every write change the
//! index. So a look reads the rows below the prefix, not their bodies.

use std::time::Duration;

use tandem_disk::ErrorCode;
use tandem_documents::{Changed, Changes, Cursor};
use tokio::time::sleep;
use tokio_postgres::Row;

use crate::connection::Connection;
use crate::cursor::{NOTHING, Position};
use crate::failure::Failure;
use crate::keys::{self, Range};
use crate::pool::Repeat;
use crate::reads::document;
use crate::shared::Shared;

/// How many documents are told at once at most.
const DOCUMENTS_MAX: i64 = 1000;

/// How many bytes of bodies are told at once at most, unless one document alone has more.
const BYTES_MAX: i64 = 8 << 20;

/// How long it waits before it looks once more, if nothing has changed.
const WAIT: Duration = Duration::from_millis(500);

/// What changed below a prefix since a cursor.
pub(crate) async fn changes(
    shared: &Shared,
    prefix: &str,
    since: Option<&Cursor>,
) -> Result<Changes, Failure> {
    let Some(since) = since else { return look(shared, prefix, None).await };
    let position = Position::of(since).ok_or_else(|| {
        Failure::refused(ErrorCode::Io, "the cursor is from another kind of store")
    })?;
    let changes = look(shared, prefix, Some(&position)).await?;
    if changes.is_anew || !changes.changed.is_empty() || changes.has_more {
        return Ok(changes);
    }
    sleep(WAIT).await;
    look(shared, prefix, Some(&position)).await
}

async fn look(
    shared: &Shared,
    prefix: &str,
    position: Option<&Position>,
) -> Result<Changes, Failure> {
    let work = async |connection: &mut Connection| {
        let life = connection.life.word();
        // Ids of transactions that a crash or a failover has taken back are given again.
        match position.filter(|position| position.life == life) {
            Some(position) => part(connection, shared, prefix, position).await,
            None => {
                let beginning = Position::new(life, NOTHING.into());
                Ok(part(connection, shared, prefix, &beginning).await?.anew())
            }
        }
    };
    shared.pool.attempt(shared.deadline(), Repeat::Read, work).await
}

/// The next part of a round.
async fn part(
    connection: &mut Connection,
    shared: &Shared,
    prefix: &str,
    from: &Position,
) -> Result<Changes, Failure> {
    let end = keys::end(prefix);
    let after = from.round.as_ref().map(|(_, key)| key.as_str());
    let Range { conditions, parameters } = Range::new(vec![&from.since], &prefix, &after, &end);
    // Who begins knows of nothing that could be gone.
    let there = if from.since == NOTHING { "and body is not null" } else { "" };
    let sql = format!(
        "select pg_current_snapshot()::text, told.found, told.head || told.tail, told.version, told.body, told.modified
        from (select) as always left join (
            select *, count(*) over () as found, sum(size) over (order by head, tail) - size as before
            from (
                select *, coalesce(octet_length(body), 0) as size from \"{schema}\".documents
                where {conditions} {there}
                    and changed_in >= pg_snapshot_xmin($1::text::pg_snapshot)
                    and not pg_visible_in_snapshot(changed_in, $1::text::pg_snapshot)
                order by head, tail limit {limit}
            ) as changed
        ) as told on told.before = 0 or told.before + told.size <= {BYTES_MAX}
        order by told.head, told.tail",
        schema = shared.pool.schema(),
        limit = DOCUMENTS_MAX,
    );
    let rows = connection.query(&sql, &parameters, false, shared.patience).await?;
    let row = rows.first().ok_or_else(|| Failure::unknown("the server has no snapshot"))?;
    let now: String = row.try_get(0).map_err(Failure::of)?;
    let found: Option<i64> = row.try_get(1).map_err(Failure::of)?;
    let mut changed = Vec::new();
    for row in &rows {
        changed.extend(told(row)?);
    }
    let is_cut = found.is_some_and(|found| found > changed.len() as i64 || found == DOCUMENTS_MAX);
    let began = from.round.as_ref().map_or(now, |(began, _)| began.clone());
    let next = match changed.last() {
        Some(last) if is_cut => Position { round: Some((began, last.key.clone())), ..from.clone() },
        _ => Position::new(from.life.clone(), began),
    };
    Ok(Changes::new(changed, next.cursor(), is_cut))
}

fn told(row: &Row) -> Result<Option<Changed>, Failure> {
    let key: Option<String> = row.try_get(2).map_err(Failure::of)?;
    let document = document(row, 3)?;
    Ok(key.zip(document).map(|(key, document)| Changed::new(key, document)))
}
