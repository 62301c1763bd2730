//! The error codes of `wasi:filesystem`.

use std::io;

use rustix::io::Errno;

/// The one table of the error codes: gives it to another macro, behind what that one is to get. It
/// is exported for `tandem-host`, and no version promises anything of it.
#[doc(hidden)]
#[macro_export]
macro_rules! __error_codes {
    ($then:path; $($first:tt)*) => {
        $then! {
            $($first)*
            /// Permission denied. POSIX: `EACCES`.
            Access "access" ACCESS;
            /// Already in progress. POSIX: `EALREADY`.
            Already "already" ALREADY;
            /// Not an open file. POSIX: `EBADF`.
            BadDescriptor "bad-descriptor" BADF;
            /// In use. POSIX: `EBUSY`.
            Busy "busy" BUSY;
            /// A deadlock would occur. POSIX: `EDEADLK`.
            Deadlock "deadlock" DEADLK;
            /// The disk quota is used up. POSIX: `EDQUOT`.
            Quota "quota" DQUOT;
            /// The file exists. POSIX: `EEXIST`.
            Exist "exist" EXIST;
            /// The file is too large. POSIX: `EFBIG`.
            FileTooLarge "file-too-large" FBIG;
            /// A name is no valid text. POSIX: `EILSEQ`.
            IllegalByteSequence "illegal-byte-sequence" ILSEQ;
            /// In progress. POSIX: `EINPROGRESS`.
            InProgress "in-progress" INPROGRESS;
            /// Interrupted. POSIX: `EINTR`.
            Interrupted "interrupted" INTR;
            /// An argument makes no sense for this file. POSIX: `EINVAL`.
            Invalid "invalid" INVAL;
            /// The device failed. POSIX: `EIO`.
            Io "io" IO;
            /// A directory, where none can be used. POSIX: `EISDIR`.
            IsDirectory "is-directory" ISDIR;
            /// A symbolic link that is not followed, or too many. POSIX: `ELOOP`.
            Loop "loop" LOOP;
            /// Too many links. POSIX: `EMLINK`.
            TooManyLinks "too-many-links" MLINK;
            /// The message is too large. POSIX: `EMSGSIZE`.
            MessageSize "message-size" MSGSIZE;
            /// The name is too long. POSIX: `ENAMETOOLONG`.
            NameTooLong "name-too-long" NAMETOOLONG;
            /// No such device. POSIX: `ENODEV`.
            NoDevice "no-device" NODEV;
            /// There is no such file or directory. POSIX: `ENOENT`.
            NoEntry "no-entry" NOENT;
            /// No locks are left. POSIX: `ENOLCK`.
            NoLock "no-lock" NOLCK;
            /// No memory is left. POSIX: `ENOMEM`.
            InsufficientMemory "insufficient-memory" NOMEM;
            /// The disk is full. POSIX: `ENOSPC`.
            InsufficientSpace "insufficient-space" NOSPC;
            /// Something else than a directory, where one is needed. POSIX: `ENOTDIR`.
            NotDirectory "not-directory" NOTDIR;
            /// The directory is not empty. POSIX: `ENOTEMPTY`.
            NotEmpty "not-empty" NOTEMPTY;
            /// The state cannot be recovered. POSIX: `ENOTRECOVERABLE`.
            NotRecoverable "not-recoverable" NOTRECOVERABLE;
            /// The disk cannot do this. POSIX: `ENOTSUP`, `EOPNOTSUPP`, `ENOSYS`.
            Unsupported "unsupported" NOTSUP OPNOTSUPP NOSYS;
            /// The operation does not fit the device. POSIX: `ENOTTY`.
            NoTty "no-tty" NOTTY;
            /// There is no such device or address. POSIX: `ENXIO`.
            NoSuchDevice "no-such-device" NXIO;
            /// A value is too large for its type. POSIX: `EOVERFLOW`.
            Overflow "overflow" OVERFLOW;
            /// Not allowed, also for a path that leads out of the root. POSIX: `EPERM`.
            NotPermitted "not-permitted" PERM;
            /// The pipe is broken. POSIX: `EPIPE`.
            Pipe "pipe" PIPE;
            /// The file system is read-only. POSIX: `EROFS`.
            ReadOnly "read-only" ROFS;
            /// The file cannot seek. POSIX: `ESPIPE`.
            InvalidSeek "invalid-seek" SPIPE;
            /// The program is running. POSIX: `ETXTBSY`.
            TextFileBusy "text-file-busy" TXTBSY;
            /// Not the same file system. POSIX: `EXDEV`.
            CrossDevice "cross-device" XDEV;
        }
    };
}
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $name:literal $($errno:ident)*;)*) => {
        /// Why a file operation failed: the error codes of `wasi:filesystem`, without its `other`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
        pub enum ErrorCode {
            $($(#[$doc])* #[error($name)] $variant,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant,)*];

            /// The code's name in WIT, for example `insufficient-space`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(ErrorCode::$variant => $name,)*
                }
            }

            fn from_errno(errno: Errno) -> Option<ErrorCode> {
                $($(if errno == Errno::$errno {
                    return Some(ErrorCode::$variant);
                })*)*
                None
            }
        }
    };
}

__error_codes!(codes;);

impl From<&io::Error> for ErrorCode {
    fn from(error: &io::Error) -> Self {
        if let Some(code) = Errno::from_io_error(error).and_then(ErrorCode::from_errno) {
            return code;
        }
        // cap-std makes errors of its own: an attempt to escape is `PermissionDenied`.
        match error.kind() {
            io::ErrorKind::NotFound => ErrorCode::NoEntry,
            io::ErrorKind::PermissionDenied => ErrorCode::NotPermitted,
            io::ErrorKind::AlreadyExists => ErrorCode::Exist,
            io::ErrorKind::InvalidInput => ErrorCode::Invalid,
            io::ErrorKind::InvalidData => ErrorCode::IllegalByteSequence,
            io::ErrorKind::Unsupported => ErrorCode::Unsupported,
            _ => ErrorCode::Io,
        }
    }
}

impl From<io::Error> for ErrorCode {
    fn from(error: io::Error) -> Self {
        ErrorCode::from(&error)
    }
}

impl From<Errno> for ErrorCode {
    fn from(errno: Errno) -> Self {
        ErrorCode::from_errno(errno).unwrap_or(ErrorCode::Io)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_errno_that_wasi_knows_has_its_code() {
        for (errno, code) in [
            (Errno::DQUOT, ErrorCode::Quota),
            (Errno::ROFS, ErrorCode::ReadOnly),
            (Errno::NOSPC, ErrorCode::InsufficientSpace),
            (Errno::NOTDIR, ErrorCode::NotDirectory),
            (Errno::ISDIR, ErrorCode::IsDirectory),
            (Errno::LOOP, ErrorCode::Loop),
            (Errno::XDEV, ErrorCode::CrossDevice),
            (Errno::OPNOTSUPP, ErrorCode::Unsupported),
            (Errno::TXTBSY, ErrorCode::TextFileBusy),
            (Errno::NOENT, ErrorCode::NoEntry),
        ] {
            let error = io::Error::from_raw_os_error(errno.raw_os_error());
            assert_eq!(ErrorCode::from(&error), code, "{errno}");
        }
    }

    #[test]
    fn what_wasi_does_not_know_is_io() {
        let error = io::Error::from_raw_os_error(Errno::NOTUNIQ.raw_os_error());
        assert_eq!(ErrorCode::from(&error), ErrorCode::Io);
        assert_eq!(ErrorCode::from(io::Error::other("odd")), ErrorCode::Io);
    }

    #[test]
    fn names_are_those_of_wit() {
        assert_eq!(ErrorCode::InsufficientSpace.to_string(), "insufficient-space");
        assert_eq!(ErrorCode::ALL.len(), 36);
    }
}
