import fs from 'node:fs';

/** Closes a file. Nothing is written here that a failed close could lose: what must last was synced. */
export function close(fd) {
    try {
        fs.closeSync(fd);
    } catch {
        // It is closed all the same.
    }
}
