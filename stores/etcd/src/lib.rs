//! The runs of Tandem in etcd: a store of documents with versions, which several hosts share.
//!
//! [`EtcdDocuments`] is a [`Documents`](tandem_documents::Documents) over etcd 3.4 or newer. There is
//! nothing to make before: [`EtcdDocuments::open`] opens a store in any cluster.
//!
//! # The address
//!
//! `etcd://USER@HOST:PORT,HOST:PORT?OPTION=VALUE&...`. One host is asked, and the next one as soon as
//! it does not answer. Without a user none is told; the port is 2379 by default.
//!
//! | option | |
//! |---|---|
//! | `prefix` | what stands before each key, by default `tandem/`; it ends with `/` |
//! | `tls` | `off`, the default, or `verify-full`: the server's certificate must come from one of those in the PEM file `cacert`, be valid now, and name the host of the address |
//! | `cacert` | the file for `verify-full`, which needs it |
//! | `cert`, `key` | files of PEM with a certificate of one's own and its key, for servers that want one |
//! | `passwordfile` | a file whose first line is the password |
//! | `connect_timeout` | seconds for one host to accept a connection, 3 by default; a request leaves each host that is left its share of the patience |
//!
//! The password is the one in the address; else that of the variable `ETCDCTL_PASSWORD`; else that of
//! `passwordfile`. No message and no `Debug` shows it. With `tls=off` whoever listens can read it. A
//! certificate of one's own names no user here: servers do not take it for one over HTTP.
//!
//! # What holds
//!
//! - **Versions** are revisions of the cluster, which never come again, unless a backup is taken
//!   back: then no host may have a run open. The value of a key is a header of ten bytes and the
//!   body; that of a mark, which a removal leaves, the header alone. Versions of one cluster say
//!   nothing in another. An address may name servers of two by mistake. An open store stays with the
//!   cluster that answered it first: before anything is read or written over a connection, its server
//!   says of which cluster it is, and one of another is passed over. User and password it has seen by
//!   then. A host that opens its store while no server of the one cluster answers has the other one,
//!   so do name servers of one. A cluster that is made anew, or restored with members of its own, is
//!   another: the store must be opened anew, and `changes` then tells everything from the beginning.
//!   One that is made anew with the same addresses and `--initial-cluster-token` has the same id: then
//!   no host may have a run open.
//! - **A write** is one transaction that compares the revision and then puts. What was sent and not
//!   answered is unknown, and never sent again. A write that is only to be visible is made as a
//!   durable one: etcd has nothing cheaper.
//! - **A read** is linearizable: the server that is asked makes sure that it is not behind. One that
//!   is cut off from the majority answers nothing, and after a third of the patience another one is
//!   asked.
//! - **What is acknowledged** is in the synced log of a majority of the voters. With three or more
//!   it survives the loss of a machine, with fewer a power loss:
//!   [`promise`](tandem_documents::Documents::promise) asks who votes. That they are on different
//!   machines, and that none runs with `--unsafe-no-fsync`, no server tells.
//! - **Times** are the writer's: etcd has no clock to ask. They are compared with that of the host
//!   that looks, so an age is wrong by as much as the clocks differ.
//! - **Changes** begin with a list of one revision, and go on by a watch from behind it. If the
//!   revision was compacted meanwhile, or the same cluster was set back to a backup, everything is told
//!   anew. A key that somebody deletes from etcd itself is told as removed.
//! - **Keys** have at most 4,096 bytes. A request has at most 1.5 MiB, unless the servers have
//!   another `--max-request-bytes`: what is larger is refused as too large, with the number of bytes.
//!   What is written together is one request.
//! - **No space**, by `--quota-backend-bytes`, is told as such. etcd keeps old revisions until they
//!   are compacted: see `--auto-compaction-retention`.
//!
//! # Why HTTP
//!
//! It speaks with the gateway that each server has beside gRPC, in JSON over HTTP. A client of gRPC
//! would have whoever builds this install the compiler of protocol buffers, and its include files.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod address;
mod changes;
mod clock;
mod connection;
mod cursor;
mod failure;
mod keys;
mod open_error;
mod opening;
mod options;
mod pool;
mod promise;
mod reads;
mod shared;
mod store;
mod tls;
mod value;
mod whole;
mod wire;
mod worker;
mod writes;

pub use open_error::OpenError;
pub use options::Options;
pub use store::EtcdDocuments;
