//! No word comes from the system.

use std::os::fd::BorrowedFd;
use std::path::Path;

use cap_std::fs::Dir;

use super::changes::Changes;
use crate::status::scan::place::Place;

/// There are none.
pub enum Notices {}

impl Notices {
    #[allow(clippy::unnecessary_wraps, reason = "where there are some, it can fail")]
    pub fn open(_root: &Path) -> Result<Option<Self>, String> {
        Ok(None)
    }

    pub fn attend(&self, _dir: Option<&Dir>, _place: &Place) {
        match *self {}
    }

    pub fn changes(&self) -> Result<Changes, String> {
        match *self {}
    }

    pub fn descriptor(&self) -> BorrowedFd<'_> {
        match *self {}
    }

    pub fn note(&self) -> Option<String> {
        match *self {}
    }
}
