//! The store against real servers, which the tests start on loopback and stop.

mod bad_input;
mod contract;
mod crashes;
mod kept;
mod quorum;
mod runs;
mod sharing;
mod stores;
mod tls;
