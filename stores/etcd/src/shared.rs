//! What all requests of a store share.

use std::cell::Cell;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::failure::Failure;
use crate::pool::{Asked, Pool, Repeat};
use crate::wire::{
    Header, Member, MembersAnswer, Nothing, RangeAnswer, RangeRequest, TxnAnswer, TxnRequest,
};

/// How many bytes an answer has at most that is in memory: a body of 16 MiB as base64, and more.
pub(crate) const ANSWER_BYTES_MAX: usize = 32 << 20;

/// A store that is open.
pub(crate) struct Shared {
    pub pool: Pool,
    pub clock: Clock,
    /// The cluster that answered first.
    cluster: Cell<Option<u64>>,
}

/// Which cluster may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// The one that the store was opened in.
    Own,
    /// Whichever is there: who asks compares it with that of an earlier answer.
    Any,
}

/// Where members are asked for.
const MEMBERS: &str = "/v3/cluster/member/list";

/// Where keys are asked for.
const RANGE: &str = "/v3/kv/range";

/// Where keys are written.
const TXN: &str = "/v3/kv/txn";

impl Shared {
    pub fn new(pool: Pool) -> Self {
        Shared { pool, clock: Clock::new(), cluster: Cell::default() }
    }

    /// Asks which servers the store's own cluster has.
    pub async fn members(&self) -> Result<Vec<Member>, Failure> {
        let header = |answer: &MembersAnswer| answer.header;
        Ok(self.ask(MEMBERS, &Nothing {}, Repeat::Read, Of::Own, header).await?.members)
    }

    /// Asks for keys.
    pub async fn range(&self, of: Of, request: &RangeRequest) -> Result<RangeAnswer, Failure> {
        self.ask(RANGE, request, Repeat::Read, of, |answer: &RangeAnswer| answer.header).await
    }

    /// Writes what is acknowledged by the store's own cluster alone. What `repeat` calls a write is
    /// carried out at most once.
    pub async fn txn(&self, request: &TxnRequest, repeat: Repeat) -> Result<TxnAnswer, Failure> {
        self.ask(TXN, request, repeat, Of::Own, |answer: &TxnAnswer| answer.header).await
    }

    async fn ask<A: DeserializeOwned>(
        &self,
        path: &'static str,
        request: &impl Serialize,
        repeat: Repeat,
        of: Of,
        header: fn(&A) -> Header,
    ) -> Result<A, Failure> {
        let work = async |Asked { connection, token }: Asked<'_>| {
            let answer = connection.ask(path, request, token, ANSWER_BYTES_MAX).await?;
            if of == Of::Own {
                self.check(header(&answer))?;
            }
            Ok(answer)
        };
        self.pool.attempt(self.pool.deadline(), repeat, work).await
    }

    /// Versions of one cluster say nothing in another, and what is acknowledged there is not found
    /// here: an address may name servers of both, or a cluster may have been made anew.
    fn check(&self, header: Header) -> Result<(), Failure> {
        let id = header.cluster_id.0;
        // Something between has answered, and not etcd.
        if id == 0 {
            return Err(Failure::unknown("an answer names no cluster"));
        }
        let own = self.cluster.get().unwrap_or(id);
        self.cluster.set(Some(own));
        if own != id {
            let message = "a server is of another cluster than the store was opened in";
            return Err(Failure::unknown(message));
        }
        Ok(())
    }
}
