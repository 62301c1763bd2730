//! What is checked before a store is used.

use std::env;

use crate::address::Address;
use crate::failure::{Failure, Reason};
use crate::keys;
use crate::pool::{Asked, Pool, Repeat};
use crate::shared::Shared;
use crate::wire::{
    Bytes, Compare, Number, Operation, Put, RangeRequest, TxnRequest, VersionAnswer,
};
use crate::writes::NEVER;
use crate::{OpenError, Options};

/// The oldest server that has what is asked for.
const SERVER_MIN: (u32, u32) = (3, 4);

/// Opens a store: a server must be new enough, carry requests out, and let the user read and write.
pub(crate) async fn open(options: &Options) -> Result<Shared, OpenError> {
    if let Some(rule) = options.broken_rule() {
        return Err(OpenError::Options { rule });
    }
    let address = Address::read(&options.url, |name| env::var(name).ok())?;
    let pool = Pool::new(address, options.connections, options.patience);
    // If nobody is there, this is not waited for.
    drop(pool.connect(None).await?);
    let shared = Shared::new(pool);
    check_version(&shared).await?;
    check_reading(&shared).await?;
    check_writing(&shared).await?;
    Ok(shared)
}

async fn check_version(shared: &Shared) -> Result<(), OpenError> {
    let work = async |Asked { connection, .. }: Asked<'_>| {
        connection.get::<VersionAnswer>("/version").await
    };
    let answer = shared.pool.attempt(shared.pool.deadline(), Repeat::Read, work).await;
    let version = answer.map_err(|failure| failure.open_error(shared.pool.servers()))?.etcdserver;
    match is_new_enough(&version) {
        true => Ok(()),
        false => Err(OpenError::ServerTooOld { version }),
    }
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let found: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    found >= SERVER_MIN
}

async fn check_reading(shared: &Shared) -> Result<(), OpenError> {
    let prefix = keys::full(shared.pool.prefix(), "");
    let request = RangeRequest {
        range_end: Some(Bytes(keys::end(&prefix))),
        key: Bytes(prefix),
        limit: Number(1),
        keys_only: true,
        ..RangeRequest::default()
    };
    let answer = shared.range(&request).await;
    answer.map(|_| ()).map_err(|failure| denied(shared, "read", failure))
}

/// Asks for a write whose condition never holds: whether the user may make it is checked first.
async fn check_writing(shared: &Shared) -> Result<(), OpenError> {
    let key = Bytes(keys::full(shared.pool.prefix(), ".tandem/open"));
    let request = TxnRequest {
        compare: vec![Compare::Written { key: key.clone(), mod_revision: Number(NEVER) }],
        success: vec![Operation { request_put: Put { key, value: Bytes::default() } }],
    };
    // It writes nothing, so it may be repeated.
    match shared.txn(&request, Repeat::Read).await {
        Ok(_) => Ok(()),
        // Who reads needs no space, and who writes is told.
        Err(failure) if failure.reason == Reason::Full => Ok(()),
        Err(failure) => Err(denied(shared, "write", failure)),
    }
}

fn denied(shared: &Shared, what: &str, failure: Failure) -> OpenError {
    match failure.reason {
        Reason::Denied => {
            let missing = format!("to {what} keys with prefix {}", shared.pool.prefix());
            OpenError::Privileges { missing }
        }
        _ => failure.open_error(shared.pool.servers()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_as_new_as_what_is_asked_of_it() {
        for version in ["3.4.0", "3.4.23", "3.5.0-rc.1", "3.10.1", "4.0.0"] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["3.3.27", "3.3", "2.3.8", "", "new"] {
            assert!(!is_new_enough(version), "{version}");
        }
    }
}
