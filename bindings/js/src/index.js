export { TandemError } from './error.js';
export { Tandem } from './tandem.js';
export { Run } from './run.js';
