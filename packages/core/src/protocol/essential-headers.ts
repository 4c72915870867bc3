/**
 * The few headers without which a message cannot be run: for a copy that has no room for the others. Pure.
 */
import { inputHeader } from '../contract/call.js';
import type { HeaderTable } from '../ports.js';
import { payloadHeader } from './claim.js';

const names = ['task', 'id', inputHeader, payloadHeader];
const mostBytes = 255;

/** Those of them that are short; none is needed where everything is in the body (protocol 1, events). */
export function essentialHeaders(headers: HeaderTable): HeaderTable {
  return Object.fromEntries(
    names.filter((name) => isShort(headers[name])).map((name) => [name, headers[name]]),
  );
}

function isShort(value: unknown): boolean {
  if (isShortText(value)) return true;
  // The reference to a stored body, as `withClaim` writes it.
  if (typeof value !== 'object' || value === null) return false;
  const parts = Object.values(value);
  return parts.length <= 3 && parts.every((part) => typeof part === 'number' || isShortText(part));
}

function isShortText(value: unknown): boolean {
  return typeof value === 'string' && Buffer.byteLength(value) <= mostBytes;
}
