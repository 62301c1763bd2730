// Documents and patches on their way into the component's memory.
//
// jco measures a string letter by letter before it copies it, and a string of some size costs this
// thread a new piece of memory each time. So it is given an empty one, and the call of the core
// module gets the text's bytes, which the main thread has put into memory that both share.

const TAKES_TEXT = /#\[method\]run\.(?:set|merge)$/;

export class Texts {
    #shared;
    #text;

    /** @param {SharedArrayBuffer} shared where the main thread puts texts */
    constructor(shared) {
        this.#shared = Buffer.from(shared);
    }

    /**
     * Instantiates a core module, as the generated code would do.
     *
     * @param {WebAssembly.Module} module
     * @param {object} imports
     */
    instantiate(module, imports) {
        const { exports } = new WebAssembly.Instance(module, imports);
        const wrapped = Object.entries(exports).map(([name, value]) => [
            name,
            TAKES_TEXT.test(name) ? this.#withText(value, exports) : value,
        ]);
        return { exports: Object.fromEntries(wrapped) };
    }

    /**
     * Makes a call that gets a text.
     *
     * @template T
     * @param {{text?: string, at?: number, bytes: number}} text the text, or where it is in what the
     * threads share
     * @param {(nothing: string) => T} make
     * @returns {T}
     */
    give(text, make) {
        // An empty one comes as it is.
        this.#text = text === '' ? { text, bytes: 0 } : text;
        return make('');
    }

    #withText(call, { memory, cabi_realloc: allocate }) {
        return (handle) => {
            const { text, at, bytes } = this.#text;
            this.#text = undefined;
            const place = allocate(0, 0, 1, bytes);
            const room = Buffer.from(memory.buffer, place, bytes);
            if (text === undefined) {
                this.#shared.copy(room, 0, at, at + bytes);
            } else {
                room.write(text);
            }
            return call(handle, place, bytes);
        };
    }
}
