/** Which modules `celeriac dev` runs, and whether this Node.js can load them. Throws UsageError. */
import { existsSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';

import { UsageError } from '../exit-codes.js';

/** Looked for in this order, where none is named. What was built comes first. */
const usual = ['dist/src/tasks.js', 'dist/tasks.js', 'src/tasks.js', 'tasks.js', 'tasks.mjs'];

export interface ModuleOptions {
  readonly named: readonly string[];
  /** Modules that Node.js loads first, as in `--import tsx`: they may teach it TypeScript. */
  readonly imports: readonly string[];
  readonly exists?: (path: string) => boolean;
  readonly canStripTypes?: boolean;
}

export function devModules(options: ModuleOptions): readonly string[] {
  const { named, imports, exists = existsSync, canStripTypes = stripsTypes() } = options;
  const found = named.length > 0 ? named : usual.filter((path) => exists(resolve(path))).slice(0, 1);
  if (found.length === 0) {
    throw new UsageError(
      `dev needs a module that registers handlers, and there is none of ${usual.join(', ')}: name it, or build it first`,
    );
  }
  const missing = found.find((path) => !exists(resolve(path)));
  if (missing !== undefined)
    throw new UsageError(`the module ${missing} does not exist (${resolve(missing)})`);
  const typed = found.find((path) => /^\.[cm]?tsx?$/u.test(extname(path)));
  if (typed !== undefined && imports.length === 0 && !canStripTypes) {
    throw new UsageError(
      `Node.js ${process.versions.node} cannot load ${typed}: name what the compiler writes (dist/…js), or install tsx and give --import tsx`,
    );
  }
  return found;
}

/** Node.js 22.18 and later load TypeScript whose types can be stripped. */
function stripsTypes(): boolean {
  return Boolean((process.features as { readonly typescript?: string | false }).typescript);
}

/** Where their sources are: the directories they are in, without those that are inside of another one. */
export function directoriesOf(paths: readonly string[]): readonly string[] {
  const all = [...new Set(paths.map((path) => dirname(resolve(path))))];
  return all.filter((one) => !all.some((other) => one !== other && one.startsWith(`${other}/`)));
}
