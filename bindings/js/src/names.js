import * as tables from './records.js';

const snake = (name) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const shapes = Object.values(tables).filter(({ optional }) => optional);
const names = shapes.flatMap(({ required, optional }) => Object.keys({ ...required, ...optional }));
/** What the component calls an option, and what this package does. */
const written = new Map(names.map((name) => [snake(name), name]));
/** Quoted text and paths are the caller's own. */
const known = new RegExp(`"(?:[^"\\\\]|\\\\.)*"|(?<![\\w/.-])(?:${[...written.keys()].join('|')})(?![\\w/.-])`, 'g');

/** A message with the names of options as callers write them. */
export function asWritten(message) {
    return message.replaceAll(known, (name) => written.get(name) ?? name);
}
