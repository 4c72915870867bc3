/**
 * Short texts that come with every message, header names above all, made from their bytes once. Remembers a bounded
 * number of them, whoever sends how many: a text that is not remembered is read like any other.
 */

const slots = 512;
const longest = 40;

/** What was read last, by a hash of its bytes. */
const remembered: (string | undefined)[] = new Array<string | undefined>(slots);

/** The text at `start`, as UTF-8. */
export function recurringText(bytes: Buffer, start: number, length: number): string {
  const end = start + length;
  if (length > longest) return bytes.toString('utf8', start, end);
  let hash = length;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte >= 0x80) return bytes.toString('utf8', start, end); // a byte is a character below only
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  const slot = hash & (slots - 1);
  const known = remembered[slot];
  if (known !== undefined && isSame(known, bytes, start) && known.length === length) return known;
  return (remembered[slot] = asKey(bytes.toString('latin1', start, end)));
}

function isSame(text: string, bytes: Buffer, start: number): boolean {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) !== bytes[start + index]) return false;
  }
  return true;
}

/** The engine's own copy of a name, which finds a member of an object without hashing it anew. */
function asKey(text: string): string {
  return Object.keys({ [text]: true })[0] ?? text;
}
