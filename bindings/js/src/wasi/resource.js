// What the component gets a handle of.
//
// The generated code numbers such objects if they have no number yet, and never forgets a number: in
// a process that flushes for weeks that is memory. So they have numbers, which are used again.

const NUMBER = Symbol.for('cabiRep');

export const dispose = Symbol.dispose ?? Symbol.for('dispose');

export class Resource {
    static #free = [];
    static #last = 0;

    constructor() {
        this[NUMBER] = Resource.#free.pop() ?? (Resource.#last += 1);
    }

    /** The component has dropped its handle. */
    [dispose]() {
        Resource.#free.push(this[NUMBER]);
    }
}
