//! What all requests of a store share.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::failure::Failure;
use crate::pool::{Asked, Pool, Repeat};

/// How many bytes an answer has at most that is in memory: a body of 16 MiB as base64, and more.
pub(crate) const ANSWER_BYTES_MAX: usize = 32 << 20;

/// A store that is open.
pub(crate) struct Shared {
    pub pool: Pool,
    pub clock: Clock,
}

impl Shared {
    /// Asks for something that changes nothing, with an answer of so many bytes at most.
    pub async fn read<A: DeserializeOwned>(
        &self,
        path: &'static str,
        request: &impl Serialize,
        answer_bytes_max: usize,
    ) -> Result<A, Failure> {
        let work = async |Asked { connection, token }: Asked<'_>| {
            connection.ask(path, request, token, answer_bytes_max).await
        };
        self.pool.attempt(self.pool.deadline(), Repeat::Read, work).await
    }

    /// Asks for something that is carried out at most once.
    pub async fn write<A: DeserializeOwned>(
        &self,
        path: &'static str,
        request: &impl Serialize,
    ) -> Result<A, Failure> {
        let work = async |Asked { connection, token }: Asked<'_>| {
            connection.ask(path, request, token, ANSWER_BYTES_MAX).await
        };
        self.pool.attempt(self.pool.deadline(), Repeat::Write, work).await
    }
}
