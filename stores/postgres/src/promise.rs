//! What an acknowledgement survives, out of the server's settings.

use std::time::Duration;

use tandem_documents::{Promise, Survives};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::pool::Repeat;
use crate::shared::Shared;

/// The settings, as sessions of the store have them; the standbys that confirm, of which a user sees
/// only those that it may.
const SETTINGS: &str = "
    select current_setting('fsync'), current_setting('full_page_writes'),
        current_setting('synchronous_commit'), current_setting('synchronous_standby_names'),
        pg_has_role('pg_read_all_stats', 'usage'),
        coalesce((select string_agg(application_name || ' ' || sync_state, ', ' order by application_name)
            from pg_stat_replication where sync_state in ('sync', 'quorum')), '')";

/// What the server says.
#[derive(Clone, Debug, Default)]
struct Settings {
    fsync: String,
    full_page_writes: String,
    synchronous_commit: String,
    standby_names: String,
    /// Whether the user may see standbys.
    sees_standbys: bool,
    /// Those that confirm now.
    standbys: String,
}

/// How old a promise may be that is told.
const AGE_MAX: Duration = Duration::from_secs(1);

/// The last promise, and when it was made by which life of a server.
pub(crate) type Known = Mutex<Option<(Instant, String, Promise)>>;

/// What the server said a moment ago, or says now. Those who ask meanwhile wait for one answer.
pub(crate) async fn ask(shared: &Shared, known: &Known) -> Result<Promise, Failure> {
    let mut known = known.lock().await;
    if let Some((made, life, promise)) = &*known
        && made.elapsed() < AGE_MAX
        && shared.pool.life().is_some_and(|now| now == *life)
    {
        return Ok(promise.clone());
    }
    let (life, promise) = ask_server(shared).await?;
    *known = Some((Instant::now(), life, promise.clone()));
    Ok(promise)
}

async fn ask_server(shared: &Shared) -> Result<(String, Promise), Failure> {
    let work = async |connection: &mut Connection| {
        let rows = connection.query(SETTINGS, &[], false, shared.patience).await?;
        let row = rows.first().ok_or_else(|| Failure::unknown("the server tells no settings"))?;
        let promise = promise(&Settings {
            fsync: row.try_get(0).map_err(Failure::of)?,
            full_page_writes: row.try_get(1).map_err(Failure::of)?,
            synchronous_commit: row.try_get(2).map_err(Failure::of)?,
            standby_names: row.try_get(3).map_err(Failure::of)?,
            sees_standbys: row.try_get(4).map_err(Failure::of)?,
            standbys: row.try_get(5).map_err(Failure::of)?,
        });
        Ok((connection.life.word(), promise))
    };
    shared.pool.attempt(shared.deadline(), Repeat::Read, work).await
}

/// - Without `synchronous_commit` an answer comes before the record is out of the server's own
///   memory, which is gone with its process.
/// - Without `fsync` the record is with the system, and a power loss takes it. Without
///   `full_page_writes` a power loss may leave half of a page, which nothing repairs.
/// - With names of standbys, `on` and `remote_apply` answer when one of them has the record on its
///   disk. Whether it is connected at the moment decides whether answers come, not what they are
///   worth. `remote_write` answers when it has the record in memory: the loss of one machine is
///   survived, but not that of the first together with a power loss of the others, so it promises
///   no more than the first machine's disk does.
fn promise(settings: &Settings) -> Promise {
    let Settings { fsync, full_page_writes, synchronous_commit, standby_names, .. } = settings;
    let has_standbys = !standby_names.trim().is_empty();
    let survives = match synchronous_commit.as_str() {
        "off" => Survives::Nothing,
        _ if fsync != "on" || full_page_writes != "on" => Survives::Kill,
        "on" | "remote_apply" if has_standbys => Survives::Machine,
        _ => Survives::PowerLoss,
    };
    let mut because = format!(
        "fsync = {fsync}, full_page_writes = {full_page_writes}, \
         synchronous_commit = {synchronous_commit}, synchronous_standby_names = '{standby_names}'"
    );
    if has_standbys && !settings.standbys.is_empty() {
        because += &format!(", confirmed by {}", settings.standbys);
    } else if has_standbys && settings.sees_standbys {
        because += ", no standby that confirms is connected, so writes wait";
    } else if has_standbys {
        because += ", which standbys are connected is not shown to this user";
    }
    Promise::new(survives, because)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(fsync: &str, pages: &str, commit: &str, names: &str) -> Settings {
        Settings {
            fsync: fsync.into(),
            full_page_writes: pages.into(),
            synchronous_commit: commit.into(),
            standby_names: names.into(),
            ..Settings::default()
        }
    }

    #[test]
    fn a_promise_is_no_more_than_the_settings_hold() {
        use Survives::*;
        let quorum = "ANY 1 (s2,s3)";
        for (fsync, pages, commit, names, survives) in [
            ("on", "on", "on", quorum, Machine),
            ("on", "on", "remote_apply", "*", Machine),
            ("on", "on", "remote_write", quorum, PowerLoss),
            ("on", "on", "local", quorum, PowerLoss),
            ("on", "on", "off", quorum, Nothing),
            ("on", "on", "on", "", PowerLoss),
            ("on", "on", "on", "  ", PowerLoss),
            ("on", "on", "off", "", Nothing),
            ("on", "off", "on", quorum, Kill),
            ("off", "on", "on", quorum, Kill),
            ("off", "on", "on", "", Kill),
            ("off", "on", "off", "", Nothing),
        ] {
            let promise = promise(&settings(fsync, pages, commit, names));
            assert_eq!(promise.survives, survives, "{}", promise.because);
        }
    }

    #[test]
    fn a_promise_says_where_it_comes_from() {
        let mut settings = settings("on", "on", "on", "ANY 1 (s2,s3)");
        assert!(promise(&settings).because.ends_with("is not shown to this user"));
        settings.sees_standbys = true;
        assert!(promise(&settings).because.ends_with("so writes wait"));
        settings.standbys = "s2 quorum".into();
        assert_eq!(
            promise(&settings).because,
            "fsync = on, full_page_writes = on, synchronous_commit = on, \
             synchronous_standby_names = 'ANY 1 (s2,s3)', confirmed by s2 quorum"
        );
    }
}
