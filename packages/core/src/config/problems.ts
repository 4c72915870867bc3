/**
 * What is wrong with a configuration, gathered so that all of it is reported at once. Secrets never get in: a value
 * that came from the environment, from a secret file or under a secret key is masked.
 */
import { CeleriacError } from '../errors.js';
import { isSecretKey, redact } from '../redact.js';

/** Keys and list positions from the root. */
export type KeyPath = readonly (string | number)[];

export interface Problem {
  /** The key as people write it, for example `events.connect_timeout`; empty for the document itself. */
  readonly path: string;
  /** One sentence: the value and what is allowed. */
  readonly message: string;
}

/** `tasks.routes["billing.*"]`, `task_handler.queues[0]`. */
export function pathText(path: KeyPath): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      if (!/^[\w-]+$/u.test(step)) return `[${JSON.stringify(step)}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join('');
}

export class Problems {
  readonly #list: Problem[] = [];
  /** Paths whose value must not be shown, with where it came from. */
  readonly #origins = new Map<string, string>();

  get list(): readonly Problem[] {
    return this.#list;
  }

  /** Adds one, unless the same key has one already: the first is the cause of the others. */
  add(path: KeyPath | string, message: string): void {
    const text = typeof path === 'string' ? path : pathText(path);
    if (!this.has(text)) this.#list.push({ path: text, message: redact(message) });
  }

  has(path: string): boolean {
    return this.#list.some((problem) => problem.path === path);
  }

  /** From now on the value at `path` is shown as `origin`, for example `the value of ${NAME}`. */
  hide(path: KeyPath, origin: string): void {
    this.#origins.set(pathText(path), origin);
  }

  /** The value for an error text: short, and masked where it may be a secret. */
  shown(path: KeyPath, value: unknown): string {
    for (let length = path.length; length > 0; length -= 1) {
      const origin = this.#origins.get(pathText(path.slice(0, length)));
      if (origin !== undefined) return origin;
    }
    if (path.some((step) => typeof step === 'string' && (isSecretKey(step) || step === 'connection_string')))
      return '***';
    if (Array.isArray(value)) return 'a list';
    if (typeof value === 'object' && value !== null) return 'a map';
    const text = typeof value === 'string' ? JSON.stringify(redact(value)) : String(value);
    return text.length > 80 ? `${text.slice(0, 79)}…` : text;
  }

  /** Throws ERR_CONFIG_INVALID with every problem, or returns when there is none. */
  throwIfAny(source: string): void {
    if (this.#list.length === 0) return;
    const lines = this.#list.map(({ path, message }) => `  ${path === '' ? '(document)' : path}: ${message}`);
    const count = this.#list.length === 1 ? '1 problem' : `${this.#list.length} problems`;
    throw new CeleriacError('ERR_CONFIG_INVALID', {
      message: `The configuration (${source}) has ${count}:\n${lines.join('\n')}\n`,
      hint: 'docs/configuration.md lists every key.',
      values: { source, problems: this.#list },
    });
  }
}
