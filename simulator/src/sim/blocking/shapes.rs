//! Shapes of `wasi:filesystem` 0.2.

use std::time::UNIX_EPOCH;

use super::bindings::wasi::clocks::wall_clock::Datetime;
use super::bindings::wasi::filesystem::types;
use tandem_host::disk::{ErrorCode, Kind, Stat};

/// The ways of opening that are simulated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    Directory,
    New,
    Existing,
}

impl Open {
    pub(super) fn from_flags(
        path: types::PathFlags,
        open: types::OpenFlags,
        access: types::DescriptorFlags,
    ) -> Option<Open> {
        use types::{DescriptorFlags as Access, OpenFlags as Flags};

        let follows = path == types::PathFlags::SYMLINK_FOLLOW;
        let is_one_of = |allowed: &[Access]| allowed.contains(&access);
        let mutate = Access::READ | Access::MUTATE_DIRECTORY;
        if open == Flags::DIRECTORY && follows {
            is_one_of(&[Access::empty(), Access::READ, Access::MUTATE_DIRECTORY, mutate])
                .then_some(Open::Directory)
        } else if open == Flags::CREATE | Flags::EXCLUSIVE && !follows {
            is_one_of(&[Access::WRITE]).then_some(Open::New)
        } else if open == Flags::empty() && !follows {
            is_one_of(&[Access::READ]).then_some(Open::Existing)
        } else {
            None
        }
    }
}

impl From<ErrorCode> for types::ErrorCode {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::Access => Self::Access,
            ErrorCode::Already => Self::Already,
            ErrorCode::BadDescriptor => Self::BadDescriptor,
            ErrorCode::Busy => Self::Busy,
            ErrorCode::Deadlock => Self::Deadlock,
            ErrorCode::Quota => Self::Quota,
            ErrorCode::Exist => Self::Exist,
            ErrorCode::FileTooLarge => Self::FileTooLarge,
            ErrorCode::IllegalByteSequence => Self::IllegalByteSequence,
            ErrorCode::InProgress => Self::InProgress,
            ErrorCode::Interrupted => Self::Interrupted,
            ErrorCode::Invalid => Self::Invalid,
            ErrorCode::Io => Self::Io,
            ErrorCode::IsDirectory => Self::IsDirectory,
            ErrorCode::Loop => Self::Loop,
            ErrorCode::TooManyLinks => Self::TooManyLinks,
            ErrorCode::MessageSize => Self::MessageSize,
            ErrorCode::NameTooLong => Self::NameTooLong,
            ErrorCode::NoDevice => Self::NoDevice,
            ErrorCode::NoEntry => Self::NoEntry,
            ErrorCode::NoLock => Self::NoLock,
            ErrorCode::InsufficientMemory => Self::InsufficientMemory,
            ErrorCode::InsufficientSpace => Self::InsufficientSpace,
            ErrorCode::NotDirectory => Self::NotDirectory,
            ErrorCode::NotEmpty => Self::NotEmpty,
            ErrorCode::NotRecoverable => Self::NotRecoverable,
            ErrorCode::Unsupported => Self::Unsupported,
            ErrorCode::NoTty => Self::NoTty,
            ErrorCode::NoSuchDevice => Self::NoSuchDevice,
            ErrorCode::Overflow => Self::Overflow,
            ErrorCode::NotPermitted => Self::NotPermitted,
            ErrorCode::Pipe => Self::Pipe,
            ErrorCode::ReadOnly => Self::ReadOnly,
            ErrorCode::InvalidSeek => Self::InvalidSeek,
            ErrorCode::TextFileBusy => Self::TextFileBusy,
            ErrorCode::CrossDevice => Self::CrossDevice,
        }
    }
}
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
