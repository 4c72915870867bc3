/**
 * A JSON parser for documents `JSON.parse` would read wrongly: integers beyond 2^53 become BigInt, Python's bare
 * `NaN`, `Infinity` and `-Infinity` are numbers, and a member named `__proto__` is an own member like any other.
 * Expects a depth that was checked before. Source: RFC 8259.
 */
import type { JsonValue } from '../message.js';

const numberToken = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/uy;
const blank = /[ \t\n\r]*/uy;
const words: readonly (readonly [string, JsonValue])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
];

/** Throws a SyntaxError that names the position, and quotes one character at most. */
export function parseExactly(text: string): JsonValue {
  const reader = new JsonReader(text);
  const value = reader.value();
  reader.end();
  return value;
}

class JsonReader {
  #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): JsonValue {
    this.#skipBlank();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object();
      case '[':
        return this.#array();
      case '"':
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  end(): void {
    this.#skipBlank();
    if (this.#at < this.#text.length) throw this.#unexpected();
  }

  #object(): JsonValue {
    const members: Record<string, JsonValue> = {};
    this.#at++;
    if (this.#take('}')) return members;
    do {
      this.#skipBlank();
      if (this.#text[this.#at] !== '"') throw this.#unexpected();
      const key = this.#string();
      if (!this.#take(':')) throw this.#unexpected();
      const value = this.value();
      // Defined, not assigned: assigning `__proto__` would set the prototype.
      Object.defineProperty(members, key, { value, enumerable: true, writable: true, configurable: true });
    } while (this.#take(','));
    if (!this.#take('}')) throw this.#unexpected();
    return members;
  }

  #array(): JsonValue {
    const items: JsonValue[] = [];
    this.#at++;
    if (this.#take(']')) return items;
    do items.push(this.value());
    while (this.#take(','));
    if (!this.#take(']')) throw this.#unexpected();
    return items;
  }

  /** Finds the closing quote, and lets JSON.parse deal with what is between. */
  #string(): string {
    const start = this.#at;
    for (let at = start + 1; at < this.#text.length; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === 0x5c) at++;
      else if (code === 0x22) {
        this.#at = at + 1;
        return this.#unquoted(start);
      }
    }
    throw new SyntaxError(`text that begins at position ${start} does not end`);
  }

  /** V8's own error is not passed on: it may quote the text. */
  #unquoted(start: number): string {
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string;
    } catch {
      throw new SyntaxError(
        `text that begins at position ${start} holds a control character or a bad escape`,
      );
    }
  }

  #scalar(): JsonValue {
    for (const [word, value] of words) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    numberToken.lastIndex = this.#at;
    const found = numberToken.exec(this.#text);
    if (found === null) throw this.#unexpected();
    this.#at = numberToken.lastIndex;
    const number = Number(found[0]);
    const isInteger = found[1] === undefined && found[2] === undefined;
    return isInteger && !Number.isSafeInteger(number) ? BigInt(found[0]) : number;
  }

  #take(character: string): boolean {
    this.#skipBlank();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipBlank(): void {
    blank.lastIndex = this.#at;
    blank.exec(this.#text);
    this.#at = blank.lastIndex;
  }

  #unexpected(): SyntaxError {
    const found = this.#text[this.#at];
    return new SyntaxError(
      found === undefined
        ? 'the document ends too early'
        : `unexpected ${JSON.stringify(found)} at position ${this.#at}`,
    );
  }
}
