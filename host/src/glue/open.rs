//! How files are opened, and the error codes of `wasi:filesystem`.

use super::bindings::types;
use crate::disk::ErrorCode;

/// The ways of opening that the component uses.
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
