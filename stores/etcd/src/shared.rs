//! What all requests of a store share.

use std::cell::Cell;

use hyper::header::HeaderValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use crate::clock::Clock;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::keys;
use crate::pool::{Asked, Pool, Repeat};
use crate::wire::{
    Bytes, Header, Member, MembersAnswer, Nothing, RangeAnswer, RangeRequest, TxnAnswer, TxnRequest,
};

/// How many bytes an answer has at most that is in memory: a body of 16 MiB as base64, and more.
pub(crate) const ANSWER_BYTES_MAX: usize = 32 << 20;

/// A store that is open.
pub(crate) struct Shared {
    pub pool: Pool,
    pub clock: Clock,
    /// The cluster that answered first: an address may name servers of several, or a cluster may
    /// have been made anew.
    cluster: Cell<Option<u64>>,
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
        Ok(self.ask(MEMBERS, &Nothing {}, Repeat::Read, header).await?.members)
    }

    /// Asks for keys.
    pub async fn range(&self, request: &RangeRequest) -> Result<RangeAnswer, Failure> {
        self.ask(RANGE, request, Repeat::Read, |answer: &RangeAnswer| answer.header).await
    }

    /// Writes. What `repeat` calls a write is carried out at most once.
    pub async fn txn(&self, request: &TxnRequest, repeat: Repeat) -> Result<TxnAnswer, Failure> {
        self.ask(TXN, request, repeat, |answer: &TxnAnswer| answer.header).await
    }

    async fn ask<A: DeserializeOwned>(
        &self,
        path: &'static str,
        request: &impl Serialize,
        repeat: Repeat,
        header: fn(&A) -> Header,
    ) -> Result<A, Failure> {
        let work = async |Asked { connection, server, token, deadline }: Asked<'_>| {
            self.greet(connection, server, token, deadline).await?;
            let answer = connection.ask(path, request, token, ANSWER_BYTES_MAX).await?;
            self.check(header(&answer))?;
            Ok(answer)
        };
        self.pool.attempt(self.pool.deadline(), repeat, work).await
    }

    /// Makes sure, before anything is read or written over a connection, that its server is of the
    /// store's own cluster: another one would take what is written.
    pub async fn greet(
        &self,
        connection: &mut Connection,
        server: usize,
        token: Option<&HeaderValue>,
        deadline: Instant,
    ) -> Result<(), Failure> {
        if connection.is_own {
            return Ok(());
        }
        let request = RangeRequest {
            key: Bytes(keys::full(self.pool.prefix(), "")),
            keys_only: true,
            // The cluster that is chosen must be one that carries requests out.
            serializable: self.cluster.get().is_some(),
            ..RangeRequest::default()
        };
        let answer = connection.ask(RANGE, &request, token, ANSWER_BYTES_MAX);
        let until = (Instant::now() + self.pool.read_within()).min(deadline);
        let answer = timeout_at(until, answer).await;
        let answer: Result<RangeAnswer, Failure> = answer.unwrap_or_else(|_| {
            let message = "the server did not answer of which cluster it is";
            // It may have had a moment only.
            Err(if until == deadline {
                Failure::unsent(message)
            } else {
                Failure::unknown(message)
            })
        });
        let checked = answer.and_then(|answer| self.check(answer.header));
        checked.map_err(|failure| self.pool.at_door(server, failure))?;
        connection.is_own = true;
        self.pool.know(server);
        Ok(())
    }

    /// Versions of one cluster say nothing in another, and what is acknowledged there is not found
    /// here.
    pub fn check(&self, header: Header) -> Result<(), Failure> {
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
