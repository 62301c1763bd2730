// The names of wasi:filesystem for what Node's calls fail with.
const NAMES = {
    EACCES: 'access',
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
    constructor(tag, options) {
        super(tag, options);
        this.payload = tag === 'other' ? { tag, val: options?.cause?.code } : { tag };
    }

    /** What is no error of a system call is a mistake, which fails the component. */
    static from(error) {
        if (error instanceof WasiError || typeof error?.syscall !== 'string') {
            return error;
        }
        return new WasiError(NAMES[error.code] ?? 'other', { cause: error });
    }
}
