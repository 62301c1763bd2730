//! Runs beyond one machine: the files of Tandem's component as documents of a store that several
//! hosts share.
//!
//! A store is anything that numbers the versions of a document and writes on condition:
//! [`Documents`] says what it must hold.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod documents;
mod trouble;

pub use documents::{
    Changed, Changes, Cursor, Document, Documents, Expect, Level, Listed, Page, Promise, Survives,
    Version, Write,
};
pub use trouble::Trouble;
