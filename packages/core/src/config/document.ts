/**
 * Reads a configuration file: YAML 1.2, and so JSON. Refuses what is too large, expands too far, repeats a key or
 * uses tags. Never shows the text of the file in an error: it may hold secrets.
 */
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { CeleriacError } from '../errors.js';

const largestFile = 2 ** 20;

export interface ConfigDocument {
  /** Absolute path. */
  readonly path: string;
  /** Null for an empty document. */
  readonly value: unknown;
}

/** Throws ERR_CONFIG_UNREADABLE (path and errno) or ERR_CONFIG_SYNTAX (line and column, both from 1). */
export async function readDocument(source: string | URL): Promise<ConfigDocument> {
  const path = pathOf(source);
  return { path, value: await parseYaml(await contentOf(path), path) };
}

function pathOf(source: string | URL): string {
  if (typeof source === 'string') return resolve(source);
  if (source.protocol === 'file:') return fileURLToPath(source);
  throw new CeleriacError('ERR_CONFIG_UNREADABLE', {
    message: `A configuration is read from a file, not from "${source.protocol}".`,
    hint: 'Give a path, a file: URL or an object.',
  });
}

async function contentOf(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    const { size } = await stat(path);
    if (size > largestFile) throw tooLarge(path);
    bytes = await readFile(path);
  } catch (error) {
    if (error instanceof CeleriacError) throw error;
    const errno = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new CeleriacError('ERR_CONFIG_UNREADABLE', {
      message: `The configuration file ${path} cannot be read (${errno}).`,
      hint: 'Check the path and the permissions.',
      values: { path, errno },
      cause: error,
    });
  }
  if (bytes.length > largestFile) throw tooLarge(path); // a pipe has no size beforehand
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw syntax(path, 'it is not UTF-8 text'); // the decoder says no more than this
  }
}

function tooLarge(path: string): CeleriacError {
  return syntax(path, 'it is larger than 1 MiB');
}

function syntax(path: string, what: string, at?: { line: number; col: number }): CeleriacError {
  const where = at === undefined ? path : `${path}, line ${at.line}, column ${at.col}`;
  return new CeleriacError('ERR_CONFIG_SYNTAX', {
    message: `The configuration file cannot be read as YAML: ${where}: ${what}.`,
    hint: 'Correct the file; quote texts that hold ": ", "#" or start with a special character.',
    values: { path, ...(at === undefined ? {} : { line: at.line, column: at.col }) },
  });
}

async function parseYaml(text: string, path: string): Promise<unknown> {
  const { LineCounter, parseDocument } = await import('yaml'); // lazy: an object needs no YAML
  const lineCounter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter,
    prettyErrors: false, // pretty ones quote the file
    stringKeys: true,
    // 0x10 and 0o10 stay text, and are refused where a number belongs.
    customTags: (tags) =>
      tags.filter((tag) => typeof tag === 'string' || (tag.format !== 'HEX' && tag.format !== 'OCT')),
  });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    // The library's own message may quote the file; its code does not.
    const what = problem.code.toLowerCase().replaceAll('_', ' ');
    throw syntax(path, what, lineCounter.linePos(problem.pos[0]));
  }
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch {
    throw syntax(path, 'its aliases expand too far'); // a ReferenceError: that is all it says
  }
}
