//! How much this command takes of anything, whoever asks and whatever is in the files.

use std::time::Duration;

/// Connections at once.
pub const CONNECTIONS_MAX: usize = 128;
/// Of those, how many are told of changes.
pub const VIEWERS_MAX: usize = 64;
/// Answers at once that have a manifest or a history in memory.
pub const READINGS_MAX: usize = 3;
/// What hyper keeps of a request that comes, or of an answer that goes.
pub const BUFFER_BYTES: usize = 64 * 1024;
/// What is made of the runs for one viewer at once. The next piece is made when that one is taken.
pub const PIECE_BYTES: usize = 64 * 1024;
/// What is shown of a manifest.
pub const MANIFEST_SHOWN_BYTES_MAX: usize = 1024 * 1024;
/// What is shown of a history: its newest entries.
pub const ENTRIES_MAX: u32 = 500;
/// What is shown of a detail in the table.
pub const DETAIL_CHARS_MAX: usize = 160;
/// Runs that are no more, and are remembered for viewers who have not heard of it.
pub const GONE_MAX: usize = 10_000;
/// How long a request may take to come in, and a connection may do nothing.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a reader may take nothing of what is written.
pub const STALL_TIME_MAX: Duration = Duration::from_secs(60);
/// How often a viewer hears something, so that both ends know of a connection that is gone.
pub const BEAT: Duration = Duration::from_secs(15);
/// How often runs are looked at, at least, while somebody views them.
pub const LOOK: Duration = Duration::from_secs(1);
/// What changes at once is shown at once.
pub const GAP: Duration = Duration::from_millis(100);
/// How long runs are looked at once nobody views them any more: a page that is loaded again comes back.
pub const LINGER: Duration = Duration::from_secs(5);
