/** What a queue may be called. Pure; knows nothing of the broker's queues. */
import { CeleriacError } from '../errors.js';

/** AMQP 0-9-1 §3.1.4 and short strings: 255 bytes of UTF-8, which may be far fewer characters. */
export const longestNameBytes = 255;

export function isQueueName(text: string): boolean {
  return text !== '' && Buffer.byteLength(text) <= longestNameBytes;
}

/** The name itself. Throws ERR_INPUT_INVALID for one that no queue can have. */
export function checkedQueueName(queue: string): string {
  if (isQueueName(queue)) return queue;
  const bytes = Buffer.byteLength(queue);
  throw new CeleriacError('ERR_INPUT_INVALID', {
    message: `A queue's name has 1 to ${longestNameBytes} bytes; this one has ${bytes}: '${queue.slice(0, 60)}'.`,
    hint: 'Choose a shorter name. A character that is not ASCII takes two to four bytes.',
    values: { bytes, limit: longestNameBytes },
  });
}
