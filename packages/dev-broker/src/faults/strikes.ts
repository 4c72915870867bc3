/** What strikes do to bytes, and several of them at once. Pure. */
import type { Strike } from './target.js';

export function inverted(frame: Buffer, byte: number): Buffer {
  const changed = Buffer.from(frame);
  const index = byte < 0 ? changed.length + byte : byte;
  const value = changed[index];
  if (value !== undefined) changed[index] = value ^ 0xff;
  return changed;
}

export function together(strikes: readonly Strike[]): Strike | undefined {
  const [first] = strikes;
  if (strikes.length < 2) return first;
  return {
    change: (frame) => strikes.reduce((changed, { change }) => change?.(changed) ?? changed, frame),
    act: () => {
      for (const { act } of strikes) act?.();
    },
  };
}
