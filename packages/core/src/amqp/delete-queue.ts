/** Deletes a queue that its only reader is done with. Never rejects: what cannot be deleted expires. */
import type { Clock } from '../clock.js';
import { waitAtMost } from '../deadline.js';
import { endOf } from './channel-supervisor.js';
import type { Session } from './session.js';

const answerMs = 2_000;

export async function deleteQueue({ connection }: Session, queue: string, clock: Clock): Promise<void> {
  if (connection === undefined) return;
  const deleted = connection.createChannel().then(async (channel) => {
    void endOf(channel);
    await channel.deleteQueue(queue);
    await channel.close();
  });
  // The connection went, or the broker refuses: the queue expires by itself.
  await waitAtMost(clock, answerMs, deleted).catch(() => undefined);
}
