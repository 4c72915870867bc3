/**
 * A secret of the configuration. Printed, logged, inspected, cloned or turned into JSON it shows `***` or nothing:
 * only `reveal` gives it, and it is on no own key.
 */
import { inspect } from 'node:util';

export class SecretText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    Object.freeze(this);
  }

  /** The secret, for the one who computes with it. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return this.toString();
  }

  static {
    Object.defineProperty(this.prototype, inspect.custom, { value: () => 'SecretText(***)' });
  }
}
