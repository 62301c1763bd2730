// What is wrong in the code that jco-transpile 0.15.0 generates, put right. test/jco.test.js
// tells when jco has done so itself.
//
// `symptom` is what a process without the patch ends with: it hangs, or tells an error. `link` is
// the thread of jco about the defect, null where none is known.

export const PATCHES = [
    {
        // The hand-over of an instance's lock asks for itself again, as a microtask, for as long as
        // someone holds the lock. A holder calls the host, which takes a timer, and no timer runs
        // while there are microtasks: the process hangs. The release asks for the hand-over anyway.
        name: 'lock-hand-over',
        why: 'the hand-over of the lock starves the event loop',
        symptom: 'hang',
        link: null,
        from: `
          if (this.#lockHolderTaskID !== null) {
            this.#scheduleLockHandoff();
            return;
          }`,
        to: `
          if (this.#lockHolderTaskID !== null) { return; }`,
    },
    {
        // A task that holds the lock is at work, so nothing is a deadlock yet.
        name: 'lock-is-no-deadlock',
        why: 'a task that holds the lock is taken for a deadlock',
        symptom: /wasm trap: deadlock detected/,
        link: null,
        from: `
        if (this.#lockHandoffScheduled) { return true; }
`,
        to: `
        if (this.#lockHandoffScheduled || this.#lockHolderTaskID !== null) { return true; }
`,
    },
    {
        // An export that answered with an error was ended for it, although what it has spawned goes
        // on in the same task: the next timer of the component then leaves every later call without
        // an answer. An error that is returned does not get into the handler that ends the task.
        name: 'error-ends-no-task',
        why: 'an export that answers with an error is ended before it is done',
        // Nothing is left that could answer, so Node ends.
        symptom: /unsettled top-level await/,
        link: null,
        from: "if (taskRes.tag === 'err') { throw taskRes.val;}",
        to: "if (taskRes.tag === 'err') { return Promise.reject(taskRes.val); }",
    },
];

/**
 * @param {string} source the generated code
 * @param {typeof PATCHES} patches
 * @returns {string} the same with every patch applied
 */
export function patched(source, patches) {
    let result = source;
    for (const { why, from, to } of patches) {
        if (!result.includes(from)) {
            throw new Error(`jco generates other code than this patch is for: ${why}`);
        }
        result = result.replaceAll(from, () => to);
    }
    return result;
}
