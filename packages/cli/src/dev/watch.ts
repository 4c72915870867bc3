/**
 * Tells when source files change: those of whole directories, without what is installed in them, and single files
 * beside. Many changes at once are told once. Reads no file; never rejects.
 */
import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

import type { Clock, Timer } from '@celeriac/core';

export interface WatchOptions {
  readonly directories: readonly string[];
  /** Files that count whatever they are called. */
  readonly files: readonly string[];
  /** With the paths that changed, in the order of their names. */
  readonly changed: (paths: readonly string[]) => void;
  /** Once, when something cannot be watched: changes there are not noticed. */
  readonly failed: (error: unknown) => void;
  readonly clock: Clock;
}

/** A compiler writes its files one after the other. */
const quietMs = 200;
/** Of directories; each takes one of the few watches that systems give to a user. */
const most = 2_000;
const source = /\.[cm]?[jt]sx?$/u;

export class SourceWatch implements Disposable {
  #options: WatchOptions;
  #files: ReadonlySet<string>;
  #watchers = new Map<string, FSWatcher>();
  #pending = new Set<string>();
  #timer: Timer | undefined;
  #hasFailed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#files = new Set(options.files.map((file) => resolve(file)));
    for (const directory of options.directories) this.#addTree(resolve(directory), () => undefined);
    for (const file of this.#files) this.#add(dirname(file));
  }

  /** How many directories are watched. */
  get size(): number {
    return this.#watchers.size;
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** `fs.watch` with `recursive` would descend into `node_modules` too. `found`: the files that are there already. */
  #addTree(directory: string, found: (path: string) => void): void {
    this.#add(directory);
    for (const entry of entriesOf(directory)) {
      const path = join(directory, entry.name);
      if (!entry.isDirectory()) found(path);
      else if (isOwn(entry.name)) this.#addTree(path, found);
    }
  }

  #add(directory: string): void {
    if (this.#watchers.has(directory)) return;
    try {
      if (this.#watchers.size >= most) throw new Error(`more than ${most} directories`);
      const watcher = watch(directory, (_event, name) => {
        if (name !== null) this.#seen(join(directory, name));
      });
      watcher.on('error', () => this.#drop(directory)); // deleted, on some systems
      this.#watchers.set(directory, watcher);
    } catch (error) {
      if (!this.#hasFailed) this.#options.failed(error);
      this.#hasFailed = true;
    }
  }

  #drop(directory: string): void {
    this.#watchers.get(directory)?.close();
    this.#watchers.delete(directory);
  }

  #seen(path: string): void {
    if (this.#watchers.has(path) && !isDirectory(path)) this.#drop(path);
    else if (isOwn(basename(path)) && isDirectory(path)) this.#addTree(path, (file) => this.#note(file));
    this.#note(path);
  }

  #note(path: string): void {
    if (!source.test(path) && !this.#files.has(path)) return;
    this.#pending.add(path);
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(quietMs, () => this.#tell());
  }

  #tell(): void {
    const paths = [...this.#pending].sort();
    this.#pending.clear();
    this.#options.changed(paths);
  }
}

function isOwn(name: string): boolean {
  return name !== 'node_modules' && !name.startsWith('.');
}

function entriesOf(directory: string): ReturnType<typeof readDirectory> {
  try {
    return readDirectory(directory);
  } catch {
    return []; // gone again, or not ours to read
  }
}

function readDirectory(directory: string) {
  return readdirSync(directory, { withFileTypes: true });
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
