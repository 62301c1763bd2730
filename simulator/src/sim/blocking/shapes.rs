//! Shapes of `wasi:filesystem` 0.2.

use std::time::UNIX_EPOCH;

use super::bindings::wasi::clocks::wall_clock::Datetime;
use super::bindings::wasi::filesystem::types;
use tandem_host::disk::{Kind, Stat};

tandem_host::__filesystem_shapes!(types);

impl From<Kind> for types::DescriptorType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::File => Self::RegularFile,
            Kind::Directory => Self::Directory,
            Kind::Link => Self::SymbolicLink,
            Kind::Other => Self::Unknown,
        }
    }
}

impl From<Stat> for types::DescriptorStat {
    fn from(stat: Stat) -> Self {
        // A time before the epoch is no time in WASI 0.2.
        let modified = stat.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        types::DescriptorStat {
            type_: stat.kind.into(),
            link_count: 1,
            size: stat.size,
            data_access_timestamp: None,
            data_modification_timestamp: modified.map(|since| Datetime {
                seconds: since.as_secs(),
                nanoseconds: since.subsec_nanos(),
            }),
            status_change_timestamp: None,
        }
    }
}
