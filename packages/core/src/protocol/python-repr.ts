/**
 * Arguments as Python would print them, for Celery's `argsrepr` and `kwargsrepr`: logs and monitors show them.
 * Stops at the length Celery keeps, so a large argument costs nothing. Never throws.
 */

/** Celery's limit (`argsrepr` is cut by saferepr's maxlen). */
const maxLength = 1024;

/** Enough of a long text to fill what is kept. */
const maxText = 512;

/** `(1, 'two', {'three': None})`; one item keeps Python's comma: `(1,)`. */
export function argsRepr(args: readonly unknown[]): string {
  const printer = new Printer();
  printer.sequence(args, args.length === 1 ? ['(', ',)'] : ['(', ')']);
  return printer.text;
}

/** `{'a': 1}`. */
export function kwargsRepr(kwargs: Readonly<Record<string, unknown>>): string {
  const printer = new Printer();
  printer.mapping(kwargs);
  return printer.text;
}

class Printer {
  #parts: string[] = [];
  #length = 0;
  #depth = 0;

  get text(): string {
    const whole = this.#parts.join('');
    return whole.length <= maxLength
      ? whole
      : `${whole.slice(0, maxLength - 3).replace(/[\uD800-\uDBFF]$/u, '')}...`;
  }

  sequence(items: readonly unknown[], [open, close]: readonly [string, string]): void {
    this.#write(open);
    for (let index = 0; index < items.length && !this.#full; index++) {
      if (index > 0) this.#write(', ');
      this.#value(items[index]);
    }
    this.#write(close);
  }

  mapping(members: Readonly<Record<string, unknown>>): void {
    this.#write('{');
    let first = true;
    for (const key in members) {
      if (this.#full) break;
      if (!Object.hasOwn(members, key) || members[key] === undefined) continue;
      if (!first) this.#write(', ');
      first = false;
      this.#write(`${quoted(key)}: `);
      this.#value(members[key]);
    }
    this.#write('}');
  }

  get #full(): boolean {
    return this.#length > maxLength;
  }

  #write(text: string): void {
    this.#parts.push(text);
    this.#length += text.length;
  }

  #value(value: unknown): void {
    switch (typeof value) {
      case 'string':
        return this.#write(quoted(value));
      case 'boolean':
        return this.#write(value ? 'True' : 'False');
      case 'number':
      case 'bigint':
        return this.#write(String(value));
      case 'object':
        return this.#object(value);
      default:
        return this.#write('None');
    }
  }

  #object(value: object | null): void {
    if (value === null) return this.#write('None');
    if (value instanceof Date)
      return this.#write(Number.isNaN(value.getTime()) ? 'None' : quoted(value.toISOString()));
    if (value instanceof Uint8Array) return this.#write(`<${value.length} bytes>`);
    if (this.#depth >= 8) return this.#write('...');
    this.#depth++;
    if (Array.isArray(value)) this.sequence(value, ['[', ']']);
    else this.mapping(value as Record<string, unknown>);
    this.#depth--;
  }
}

/** Python prefers single quotes, and takes double ones for a text that holds single ones only. */
function quoted(value: string): string {
  const text = value.length > maxText ? value.slice(0, maxText) : value;
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const escaped = text.replace(/[\\'"\u0000-\u001f\u007f]/gu, (character) => escape(character, quote));
  return `${quote}${escaped}${quote}`;
}

function escape(character: string, quote: string): string {
  const short: Record<string, string | undefined> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
  if (character === "'" || character === '"') return character === quote ? `\\${character}` : character;
  return short[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
