/** What `celeriac dev` itself says, beside the log of its worker: lines for people, or lines of JSON. */
import { relative } from 'node:path';

import { errorText } from '@celeriac/core';

import { print, printJsonLine } from '../output.js';
import { printable } from '../text.js';
import { version } from '../version.js';

export interface Begun {
  readonly url: string;
  readonly port: number;
  /** Undefined: the broker keeps nothing. */
  readonly data: string | undefined;
  /** Programs without a connection string find it. */
  readonly isFound: boolean;
  /** Directories; undefined: nothing is watched. */
  readonly watched: number | undefined;
}

export class DevNotices {
  #asJson: boolean;

  constructor(asJson: boolean) {
    this.#asJson = asJson;
  }

  begun({ url, port, data, isFound, watched }: Begun): void {
    if (this.#asJson) {
      const kept = data === undefined ? {} : { data };
      printJsonLine({ dev: 'begun', url, port, pid: process.pid, ...kept, isFound, watched: watched ?? 0 });
      return;
    }
    const keeps = data === undefined ? 'nothing when it ends' : `what is durable in ${printable(data)}`;
    print(`celeriac ${version} dev, for development: worker, beat, and a broker that keeps ${keeps}`);
    print(`  broker        ${url}`);
    if (isFound) print('  found by      your programs and celeriac commands that have no connection string');
    print(`  others need   CELERIAC_EVENTS__CONNECTION_STRING=${url}`);
    print(`  restarts      ${watched === undefined ? 'none' : `on changes in ${directories(watched)}`}`);
  }

  changed(paths: readonly string[]): void {
    const files = paths.map((path) => relative('.', path));
    const [first = '', ...others] = files;
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    this.#say({ dev: 'changed', files }, `${printable(first)}${more} changed: starting the worker again`);
  }

  ended(how: number | string, isWatched: boolean): void {
    const way = typeof how === 'number' ? `with exit code ${how}` : `by ${how}`;
    const next = isWatched ? 'waiting for a change' : 'start dev again';
    this.#say({ dev: 'ended', how }, `the worker ended ${way}; ${next}`);
  }

  overdue(): void {
    this.#say(
      { dev: 'overdue' },
      'the worker has tasks that do not end: ending it, they are delivered again to the next one',
    );
  }

  unwatched(error: unknown): void {
    const why = printable(errorText(error));
    this.#say({ dev: 'unwatched', error: why }, `not all changes will be noticed: ${why}`);
  }

  ending(): void {
    this.#say({ dev: 'ending' }, 'stopping; once more ends it at once');
  }

  #say(asJson: Readonly<Record<string, unknown>>, text: string): void {
    if (this.#asJson) printJsonLine(asJson);
    else print(`dev: ${text}`);
  }
}

function directories(count: number): string {
  return count === 1 ? '1 directory' : `${count} directories`;
}
