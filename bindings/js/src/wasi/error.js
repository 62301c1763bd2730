// The names of wasi:filesystem for what Node's calls fail with.
const NAMES = {
    EACCES: 'access',
    EAGAIN: 'would-block',
    EALREADY: 'already',
    EBADF: 'bad-descriptor',
    EBUSY: 'busy',
    EDEADLK: 'deadlock',
    EDQUOT: 'quota',
    EEXIST: 'exist',
    EFBIG: 'file-too-large',
    EILSEQ: 'illegal-byte-sequence',
    EINPROGRESS: 'in-progress',
    EINTR: 'interrupted',
    EINVAL: 'invalid',
    EIO: 'io',
    EISDIR: 'is-directory',
    ELOOP: 'loop',
    EMLINK: 'too-many-links',
    EMSGSIZE: 'message-size',
    ENAMETOOLONG: 'name-too-long',
    ENODEV: 'no-device',
    ENOENT: 'no-entry',
    ENOLCK: 'no-lock',
    ENOMEM: 'insufficient-memory',
    ENOSPC: 'insufficient-space',
    ENOSYS: 'unsupported',
    ENOTDIR: 'not-directory',
    ENOTEMPTY: 'not-empty',
    ENOTRECOVERABLE: 'not-recoverable',
    ENOTSUP: 'unsupported',
    ENOTTY: 'no-tty',
    ENXIO: 'no-such-device',
    EOPNOTSUPP: 'unsupported',
    EOVERFLOW: 'overflow',
    EPERM: 'not-permitted',
    EPIPE: 'pipe',
    EROFS: 'read-only',
    ESPIPE: 'invalid-seek',
    ETXTBSY: 'text-file-busy',
    EXDEV: 'cross-device',
};

/** An error code as the generated code takes it: thrown, with its `payload`. */
export class WasiError extends Error {
    constructor(payload, options) {
        super(payload, options);
        this.payload = payload;
    }
}

// What WASI 0.2 has no name for, such as too many open files, is `io` there: what the system
// called it is kept for whoever makes the call.
let unnamed;

/** What the system called the last error that has no name in WASI, since this was asked last. */
export function takeUnnamed() {
    const taken = unnamed;
    unnamed = undefined;
    return taken;
}

/** Whether it is the error of a system call; anything else is a mistake, which fails the component. */
function isOfSystem(error) {
    return typeof error?.code === 'string' && /^E[A-Z0-9]+$/.test(error.code);
}

/** WASI's name for what a system call failed with. */
export function codeOf(error) {
    if (error instanceof WasiError) {
        return error.payload;
    }
    if (!isOfSystem(error)) {
        throw error;
    }
    if (!Object.hasOwn(NAMES, error.code)) {
        unnamed = error.message;
        return 'io';
    }
    return NAMES[error.code];
}

/** Does something with a file, and fails with WASI's name for its error. */
export function attempt(operation) {
    try {
        return operation();
    } catch (error) {
        throw error instanceof WasiError ? error : new WasiError(codeOf(error), { cause: error });
    }
}
