/** What an instance has open. One that failed closes nothing itself. */
export class Opened {
    #items = new Set();
    #isOver = false;

    /** @param {{abandon(): void}} item */
    add(item) {
        if (this.#isOver) {
            item.abandon();
        } else {
            this.#items.add(item);
        }
    }

    delete(item) {
        this.#items.delete(item);
    }

    /** Closes everything, and what is still being opened as soon as it is there. */
    abandon() {
        this.#isOver = true;
        for (const item of this.#items) {
            item.abandon();
        }
    }
}
