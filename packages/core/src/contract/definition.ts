/** Checks that every kind of contract needs. Pure. */
import { CeleriacError } from '../errors.js';
import { nearest } from '../policy/nearest.js';

/** Throws ERR_CONTRACT_INVALID for a key that is not known, naming the nearest that is. */
export function checkKeys(kind: string, definition: object, known: readonly string[]): void {
  for (const key of Object.keys(definition)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    throw new CeleriacError('ERR_CONTRACT_INVALID', {
      message: `A ${kind} contract has no '${key}'.${near === undefined ? '' : ` Nearest: '${near}'.`}`,
      hint: `Known are ${known.join(', ')}.`,
      values: { key, known },
    });
  }
}

/** Throws ERR_CONTRACT_INVALID unless it is text of 1 to 255 bytes: what an AMQP short string holds. */
export function checkName(kind: string, name: unknown): void {
  const bytes = typeof name === 'string' ? Buffer.byteLength(name) : 0;
  if (bytes >= 1 && bytes <= 255) return;
  throw new CeleriacError('ERR_CONTRACT_INVALID', {
    message: `The name of a ${kind} must be text of 1 to 255 bytes; this one ${typeof name === 'string' ? `has ${bytes}` : `is ${typeof name}`}.`,
    values: { kind },
  });
}
