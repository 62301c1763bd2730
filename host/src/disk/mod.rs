//! What the component's files stand on: one narrow trait, and a directory of the operating system
//! behind it.

mod os;
pub(crate) mod said;
#[cfg(test)]
mod tests;

pub(crate) use os::dir_mode;
pub use os::{OsDir, OsDisk, OsFile, Threads};
#[doc(hidden)]
pub use tandem_disk::__error_codes;
pub use tandem_disk::{Disk, Entry, ErrorCode, Kind, Mode, Purpose, Stat};
