//! Reads of one document, and lists.

use std::sync::Arc;
use std::time::SystemTime;

use tandem_documents::{Document, Listed, Page, Version};
use tokio_postgres::Row;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::keys::{self, Range};
use crate::pool::Repeat;
use crate::shared::Shared;

/// How many keys a part of a list has at most.
const PAGE_KEYS_MAX: i64 = 1000;

/// The document or the mark at a key. A confirmed read writes a message for nobody, whose commit
/// waits for the standbys as every durable one does.
pub(crate) async fn get(shared: &Shared, key: &str) -> Result<Option<Document>, Failure> {
    let schema = shared.pool.schema();
    let columns = "document.version, document.body, document.modified";
    let asked = format!("(select {} from (select $1::text as key) as asked)", keys::parts("key"));
    let join = format!(
        "left join \"{schema}\".documents document
            on document.head = asked.head and document.tail_id = asked.tail_id"
    );
    let sql = match shared.is_read_confirmed {
        false => format!("select {columns} from {asked} as asked {join}"),
        true => format!(
            "with confirmed as materialized (select pg_logical_emit_message(true, 'tandem', ''))
            select {columns} from confirmed cross join {asked} as asked {join}"
        ),
    };
    let work = async |connection: &mut Connection| {
        let is_commit = shared.is_read_confirmed;
        let rows = connection.query(&sql, &[&key], is_commit, shared.patience).await?;
        rows.first().map_or(Ok(None), |row| document(row, 0))
    };
    shared.pool.attempt(shared.deadline(), Repeat::Read, work).await
}

/// The version, body and time of a row from a column on; none if it has no version.
pub(crate) fn document(row: &Row, from: usize) -> Result<Option<Document>, Failure> {
    let version: Option<i64> = row.try_get(from).map_err(Failure::of)?;
    let body: Option<&[u8]> = row.try_get(from + 1).map_err(Failure::of)?;
    let modified: Option<SystemTime> = row.try_get(from + 2).map_err(Failure::of)?;
    let document = |version: i64| {
        Document::new(body.map(Arc::from), Version(version.cast_unsigned()), modified)
    };
    Ok(version.map(document))
}

/// The server's time.
pub(crate) async fn time(shared: &Shared) -> Result<SystemTime, Failure> {
    let work = async |connection: &mut Connection| {
        let rows =
            connection.query("select clock_timestamp()", &[], false, shared.patience).await?;
        let row = rows.first().ok_or_else(|| Failure::unknown("the server has no clock"))?;
        row.try_get(0).map_err(Failure::of)
    };
    shared.pool.attempt(shared.deadline(), Repeat::Read, work).await
}

/// A part of a list.
pub(crate) async fn list(
    shared: &Shared,
    prefix: &str,
    after: Option<&str>,
) -> Result<Page, Failure> {
    let end = keys::end(prefix);
    let limit = PAGE_KEYS_MAX + 1;
    let Range { conditions, parameters } = Range::new(vec![&limit], &prefix, &after, &end);
    let sql = format!(
        "select head || tail, version from \"{}\".documents
        where {conditions} and body is not null order by head, tail limit $1",
        shared.pool.schema()
    );
    let work = async |connection: &mut Connection| {
        let rows = connection.query(&sql, &parameters, false, shared.patience).await?;
        let mut entries = rows.iter().map(listed).collect::<Result<Vec<_>, _>>()?;
        let has_more = entries.len() > PAGE_KEYS_MAX as usize;
        entries.truncate(PAGE_KEYS_MAX as usize);
        Ok(Page::new(entries, has_more))
    };
    shared.pool.attempt(shared.deadline(), Repeat::Read, work).await
}

fn listed(row: &Row) -> Result<Listed, Failure> {
    let key: String = row.try_get(0).map_err(Failure::of)?;
    let version: i64 = row.try_get(1).map_err(Failure::of)?;
    Ok(Listed::new(key, Version(version.cast_unsigned())))
}
