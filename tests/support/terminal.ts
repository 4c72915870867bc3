/** A real terminal of a chosen size, by tmux: what a person would see, keys to press, and what was left behind. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { guard, unguard } from './guardian.js';
import { waitFor } from './wait-for.js';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Skips loudly without tmux on a laptop, fails in CI. For `before`. */
export function requireTmux(context: Mocha.Context): void {
  try {
    execFileSync('tmux', ['-V']);
  } catch {
    const message = 'tmux is not installed: these tests need one';
    if (process.env.CI !== undefined) throw new Error(message);
    process.stderr.write(`\n  SKIPPED: ${message}\n`);
    context.skip();
  }
}

export class Terminal implements AsyncDisposable {
  #directory: string;
  #pid = 0;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** A shell of its own, with nothing but these variables. */
  static async open({ columns, rows }: Size, env: Readonly<Record<string, string>>): Promise<Terminal> {
    const terminal = new Terminal(await mkdtemp(join(tmpdir(), 'celeriac-terminal-')));
    const variables = Object.entries({ PATH: process.env.PATH ?? '', PS1: '$ ', ...env });
    const shell = ['env', '-i', 'TERM=screen', ...variables.map(([name, value]) => `${name}=${value}`), 'sh'];
    const size = ['-x', String(columns), '-y', String(rows)];
    await terminal.#tmux('-f', '/dev/null', 'new-session', '-d', ...size, ...shell);
    terminal.#pid = Number(await terminal.fact('pid'));
    guard(terminal.#pid);
    return terminal;
  }

  /** Types a line and presses Enter. */
  async type(line: string): Promise<void> {
    await this.#tmux('send-keys', '-l', '--', line);
    await this.press('Enter');
  }

  /** A key by the name that tmux has for it, as in `C-c`. */
  async press(key: string): Promise<void> {
    await this.#tmux('send-keys', key);
  }

  async resize({ columns, rows }: Size): Promise<void> {
    await this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** What stands on the screen, line by line. `joined`: lines that went on in the next one are one. */
  async lines(how: 'as-is' | 'joined' | 'coloured' = 'as-is'): Promise<readonly string[]> {
    const option = { 'as-is': [], joined: ['-J'], coloured: ['-e'] }[how];
    return (await this.#tmux('capture-pane', '-p', ...option)).replace(/\n$/u, '').split('\n');
  }

  /** Resolves with the screen once it shows that. */
  async shows(pattern: RegExp): Promise<readonly string[]> {
    let last: readonly string[] = [];
    await waitFor(
      async () => {
        last = await this.lines();
        return pattern.test(last.join('\n'));
      },
      { what: String(pattern) },
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}; the screen:\n${last.join('\n')}`);
    });
    return last;
  }

  /** A variable of tmux's, as in `alternate_on`. */
  async fact(name: string): Promise<string> {
    return (await this.#tmux('display-message', '-p', `#{${name}}`)).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux('kill-server').catch(() => undefined);
    unguard(this.#pid);
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #tmux(...args: string[]): Promise<string> {
    const all = ['-S', join(this.#directory, 'socket'), ...args];
    return (await promisify(execFile)('tmux', all, { encoding: 'utf8' })).stdout;
  }
}
