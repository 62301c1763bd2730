"""The error codes of `wasi:filesystem`."""

from __future__ import annotations

import errno

ERRNO_CODES = {
    "EACCES": "access",
    "EAGAIN": "would-block",
    "EALREADY": "already",
    "EBADF": "bad-descriptor",
    "EBUSY": "busy",
    "EDEADLK": "deadlock",
    "EDQUOT": "quota",
    "EEXIST": "exist",
    "EFBIG": "file-too-large",
    "EILSEQ": "illegal-byte-sequence",
    "EINPROGRESS": "in-progress",
    "EINTR": "interrupted",
    "EINVAL": "invalid",
    "EIO": "io",
    "EISDIR": "is-directory",
    "ELOOP": "loop",
    "EMLINK": "too-many-links",
    "EMSGSIZE": "message-size",
    "ENAMETOOLONG": "name-too-long",
    "ENODEV": "no-device",
    "ENOENT": "no-entry",
    "ENOLCK": "no-lock",
    "ENOMEM": "insufficient-memory",
    "ENOSPC": "insufficient-space",
    "ENOTDIR": "not-directory",
    "ENOTEMPTY": "not-empty",
    "ENOTRECOVERABLE": "not-recoverable",
    "ENOTSUP": "unsupported",
    "ENOTTY": "no-tty",
    "ENXIO": "no-such-device",
    "EOVERFLOW": "overflow",
    "EPERM": "not-permitted",
    "EPIPE": "pipe",
    "EROFS": "read-only",
    "ESPIPE": "invalid-seek",
    "ETXTBSY": "text-file-busy",
    "EXDEV": "cross-device",
}
"""Each error code of `wasi:filesystem`, in their order, by what POSIX calls it."""
ERROR_CODES = list(ERRNO_CODES.values())
CODES = {
    getattr(errno, name): ERROR_CODES.index(code)
    for name, code in ERRNO_CODES.items()
    if hasattr(errno, name)
}
IO = ERROR_CODES.index("io")
INVALID = ERROR_CODES.index("invalid")
ILLEGAL_BYTE_SEQUENCE = ERROR_CODES.index("illegal-byte-sequence")
UNSUPPORTED = ERROR_CODES.index("unsupported")


def code_of(error: Exception) -> int:
    """The number of the code that tells an error best."""
    if isinstance(error, OSError):
        return CODES.get(error.errno or 0, IO)
    # A path with a NUL, or a number that the system cannot take, is a ValueError.
    return INVALID if isinstance(error, ValueError) else IO
