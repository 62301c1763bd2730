import { granted } from './beneath.js';
import { monotonicClock, wallClock } from './clocks.js';
import { Descriptor, DirectoryEntryStream } from './descriptor.js';
import { WasiError } from './error.js';
import { Pollable, poll } from './poll.js';
import { random } from './random.js';
import { dispose } from './resource.js';
import { HandedOverStream, IoError, OutputStream, filesystemErrorCode } from './streams.js';
import { Syncs } from './syncs.js';
import { Temporaries } from './temporaries.js';

const PIECE_BYTES = 64n << 10n;

/**
 * What one instance imports: clocks, random numbers, and a single directory.
 *
 * @param {string} root the directory's real path
 * @param {{umask?: number, writer?: import('./writer.js').Writer, known?: {dev: bigint, ino: bigint}}} [options] with a `writer`, it
 * makes the writes, and the component goes on meanwhile
 */
export function wasiFor(root, { umask = 0o022, writer, known } = {}) {
    const Stream = writer ? HandedOverStream : OutputStream;
    const syncs = new Syncs();
    const disk = {
        syncs,
        temporaries: new Temporaries(umask),
        stream: (fd, position) => new Stream(fd, position, writer ?? syncs),
    };
    const pollAndBegin = (pollables) => {
        const ready = poll(pollables);
        syncs.begin();
        return ready;
    };
    const directory = granted(root, undefined, known);
    const preopen = new Descriptor(disk, { fd: directory.fd, directory });
    const imports = {
        'wasi:clocks/monotonic-clock': monotonicClock,
        'wasi:clocks/wall-clock': wallClock,
        'wasi:filesystem/preopens': { getDirectories: () => [[preopen, '/']] },
        'wasi:filesystem/types': { Descriptor, DirectoryEntryStream, filesystemErrorCode },
        'wasi:io/error': { Error: IoError },
        'wasi:io/poll': { Pollable, poll: pollAndBegin },
        'wasi:io/streams': { OutputStream: Stream },
        'wasi:random/random': random,
    };
    return { imports, syncs, readText: (path, maxBytes) => textOf(preopen, path, maxBytes) };
}

/** The text of a file, or undefined if there is none. It fails with `file-too-large` above a size. */
function textOf(preopen, path, maxBytes) {
    let file;
    try {
        file = preopen.openAt({}, path, {}, { read: true });
    } catch (error) {
        if (error.payload === 'no-entry') {
            return undefined;
        }
        throw error;
    }
    try {
        const pieces = [];
        for (let at = 0n; ; ) {
            const [piece, isEnd] = file.read(PIECE_BYTES, at);
            if (isEnd) {
                return Buffer.concat(pieces).toString();
            }
            pieces.push(Buffer.from(piece));
            at += BigInt(piece.length);
            if (at > maxBytes) {
                throw new WasiError('file-too-large');
            }
        }
    } finally {
        file[dispose]();
    }
}
