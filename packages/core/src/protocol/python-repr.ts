/**
 * Arguments as Python would print them, for Celery's `argsrepr` and `kwargsrepr`: logs and monitors show them.
 * Stops at the length Celery keeps, so a large argument costs nothing. Never throws.
 */

/** Celery's limit (`argsrepr` is cut by saferepr's maxlen). */
const maxLength = 1024;

/** Enough of a long text to fill what is kept. */
const maxText = 512;

/** What stands for arguments that nobody is to see. */
export const hiddenArgs = '(...)';
export const hiddenKwargs = '{...}';

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

/** `'text'`, `5`, `None`, `[1, 2]`. */
export function valueRepr(value: unknown): string {
  const printer = new Printer();
  printer.value(value);
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
      this.value(items[index]);
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
      this.value(members[key]);
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

  value(value: unknown): void {
    switch (typeof value) {
      case 'string':
        return this.#write(quoted(value));
      case 'boolean':
        return this.#write(value ? 'True' : 'False');
      case 'number':
        return this.#write(numberText(value));
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

/** Python writes exponents from 1e-05 down, of two digits at least. Whole numbers travel as integers. */
function numberText(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  if (value === 0 || Math.abs(value) >= 1e-4) return String(value);
  return value.toExponential().replace(/-(\d)$/u, '-0$1');
}

/** What stands for itself between single quotes. */
const plain = /^[ -&(-[\]-~]*$/u;
/** What Python calls not printable, and what has a meaning between quotes. */
const special = /[\\'"\p{C}\p{Z}]/gu;

/** Python prefers single quotes, and takes double ones for a text that holds single ones only. */
function quoted(value: string): string {
  const text = value.length > maxText ? value.slice(0, maxText) : value;
  if (plain.test(text)) return `'${text}'`;
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  return `${quote}${text.replace(special, (character) => escape(character, quote))}${quote}`;
}

const short: ReadonlyMap<string, string> = new Map([
  [' ', ' '],
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

function escape(character: string, quote: string): string {
  if (character === "'" || character === '"') return character === quote ? `\\${character}` : character;
  return short.get(character) ?? codePoint(character.codePointAt(0) ?? 0);
}

function codePoint(code: number): string {
  const hex = code.toString(16);
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
