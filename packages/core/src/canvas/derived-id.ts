/** Ids of what follows a task, made from its own: when it follows twice, after a crash, it has the same id twice. Pure. */
import { createHash } from 'node:crypto';

/** Gives one UUID after the other, the same ones each time for the same text. RFC 9562, version 8. */
export function derivedIds(from: string): () => string {
  let count = 0;
  return () => {
    const hex = createHash('sha256').update(`${from} ${count++}`).digest('hex').slice(0, 32);
    const variant = ((parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
    const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, variant + hex.slice(17, 20)];
    return [...parts, hex.slice(20)].join('-');
  };
}
