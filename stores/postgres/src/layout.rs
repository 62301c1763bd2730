//! The tables of a store: how they are made and migrated, and whether they are as needed.

use std::time::Duration;

use tandem_disk::ErrorCode;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::{OpenError, Options};

/// What makes each layout out of the one before it.
///
/// Documents and heartbeats are in one table. What a heartbeat changes has no index, and each page
/// keeps 30 % free, so its new row goes onto the page of the old one without touching an index, and
/// the old row's place is free again once nobody can read it: that is all that a table of their own
/// would give them. Large bodies are kept apart by the server, beside the table.
///
/// Marks may be deleted when no write can be under way any more that was asked for before the
/// removal, say after a week: `delete from tandem.documents where body is null and modified < now()
/// - interval '7 days'`. A key that comes again gets a greater version, by the clock.
const LAYOUTS: [&str; 1] = ["
    create table \"{schema}\".documents (
        head text collate \"C\" not null,
        tail text collate \"C\" not null,
        tail_id bytea not null,
        version bigint not null,
        body bytea,
        modified timestamptz not null,
        changed_in xid8 not null,
        primary key (head, tail_id)
    ) with (fillfactor = 70);
    create table \"{schema}\".layout (version integer primary key);
"];

/// The newest layout, which is the one that this crate uses.
const NEWEST: i32 = LAYOUTS.len() as i32;

/// Keeps migrations of one store apart.
const LOCK: &str = "select pg_advisory_xact_lock(hashtextextended('tandem layout ' || $1, 0))";

/// Which layout there is: 0 for no tables, or for no schema.
const FOUND: &str = "
    select exists (select from pg_namespace where nspname = $1),
        (select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = $1 and c.relname in ('documents', 'layout') and c.relkind in ('r', 'p'))";

/// The first privilege that the user lacks, of those that the store needs: fewer if it only reads.
const LACKS: &str = "
    select case
        when not has_schema_privilege($1, 'usage') then 'usage on schema ' || quote_ident($1)
        when not has_table_privilege(quote_ident($1) || '.layout', 'select') then 'select on ' || quote_ident($1) || '.layout'
        when not has_table_privilege(quote_ident($1) || '.documents', 'select') then 'select on ' || quote_ident($1) || '.documents'
        when $2 and not has_table_privilege(quote_ident($1) || '.documents', 'insert') then 'insert on ' || quote_ident($1) || '.documents'
        when $2 and not has_table_privilege(quote_ident($1) || '.documents', 'update') then 'update on ' || quote_ident($1) || '.documents'
    end";

/// Makes the tables, or makes the newest layout of them: all or nothing.
pub(crate) async fn migrate(
    connection: &mut Connection,
    schema: &str,
    host: &str,
    patience: Duration,
) -> Result<(), OpenError> {
    let made = async {
        // Others that migrate are waited for.
        connection.command("begin; set local lock_timeout = 0", false, patience).await?;
        connection.query(LOCK, &[&schema], false, patience).await?;
        let (has_schema, has_tables) = found(connection, schema, patience).await?;
        if !has_schema {
            connection.command(&format!("create schema \"{schema}\""), false, patience).await?;
        }
        let version = match has_tables {
            true => version(connection, schema, patience).await?,
            false => 0,
        };
        for (sql, layout) in LAYOUTS.iter().zip(1..) {
            if layout > version {
                let sql = sql.replace("{schema}", schema);
                connection.command(&sql, false, patience).await?;
            }
        }
        if version < NEWEST {
            let sql = format!(
                "delete from \"{schema}\".layout; insert into \"{schema}\".layout values ({NEWEST})"
            );
            connection.command(&sql, false, patience).await?;
        }
        connection.command("commit", true, patience).await?;
        Ok(version)
    };
    let version = made.await.map_err(|failure| open_error(failure, schema, host))?;
    newest(version.max(NEWEST), schema)
}

/// Whether the tables are there, of the newest layout, and the user may use them.
pub(crate) async fn check(
    connection: &mut Connection,
    schema: &str,
    host: &str,
    options: &Options,
) -> Result<(), OpenError> {
    let patience = options.patience;
    let of = |failure| open_error(failure, schema, host);
    let (_, has_tables) = found(connection, schema, patience).await.map_err(of)?;
    if !has_tables {
        return Err(OpenError::NoSchema { schema: schema.into() });
    }
    let rows = connection
        .query(LACKS, &[&schema, &!options.is_read_only], false, patience)
        .await
        .map_err(of)?;
    let missing = rows.first().and_then(|row| row.try_get(0).ok().flatten());
    if let Some(missing) = missing {
        return Err(OpenError::Privileges { missing });
    }
    let version = version(connection, schema, patience).await.map_err(of)?;
    newest(version, schema)
}

fn newest(version: i32, schema: &str) -> Result<(), OpenError> {
    let schema = schema.to_owned();
    match version {
        NEWEST => Ok(()),
        found if found < NEWEST => Err(OpenError::SchemaOlder { schema, found, needed: NEWEST }),
        found => Err(OpenError::SchemaNewer { schema, found, known: NEWEST }),
    }
}

/// Whether there is the schema, and both tables.
async fn found(
    connection: &mut Connection,
    schema: &str,
    patience: Duration,
) -> Result<(bool, bool), Failure> {
    let rows = connection.query(FOUND, &[&schema], false, patience).await?;
    let row = rows.first().ok_or_else(|| Failure::unknown("the server tells no schemas"))?;
    let tables: i64 = row.try_get(1).map_err(Failure::of)?;
    Ok((row.try_get(0).map_err(Failure::of)?, tables == 2))
}

/// The layout that the tables say they have; 0 if they say none.
async fn version(
    connection: &mut Connection,
    schema: &str,
    patience: Duration,
) -> Result<i32, Failure> {
    let sql = format!("select coalesce(max(version), 0) from \"{schema}\".layout");
    let rows = connection.query(&sql, &[], false, patience).await?;
    rows.first().map_or(Ok(0), |row| row.try_get(0).map_err(Failure::of))
}

fn open_error(failure: Failure, schema: &str, host: &str) -> OpenError {
    match failure.code {
        ErrorCode::Access => OpenError::Privileges {
            missing: format!("to make or to read the tables in schema {schema}"),
        },
        _ => OpenError::Server { host: host.into(), source: failure.trouble().into() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_layout_is_used() {
        assert!(newest(NEWEST, "s").is_ok());
        assert!(matches!(newest(NEWEST - 1, "s"), Err(OpenError::SchemaOlder { .. })));
        assert!(matches!(newest(NEWEST + 1, "s"), Err(OpenError::SchemaNewer { .. })));
    }
}
