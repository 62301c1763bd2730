//! The store against real servers, which the tests start on loopback and stop.

mod bad_input;
mod contract;
mod crashes;
mod kept;
mod limits;
mod runs;
mod stores;
mod tls;
mod users;
