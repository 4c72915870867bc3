/**
 * Takes away what a run made on the broker: its queues, its exchange, and its applications' entries in the
 * registry. Your service does not do this: its queues stay, and receive while it is down.
 */
import {
  applicationQueueName,
  Applications,
  brokerAccess,
  deadLetterQueueName,
  Declarer,
  loadConfig,
  openSession,
  silentLogger,
  systemClock,
} from '@celeriac/core';

import { applications, configFile, runConfig } from './contracts.js';

export async function cleanUp(run: string): Promise<void> {
  const config = await loadConfig(configFile, { overrides: runConfig(run) });
  const parts = {
    config,
    logger: silentLogger,
    clock: systemClock,
    access: await brokerAccess(config, silentLogger),
  };
  const session = openSession(parts, { section: 'events', role: 'clean-up', heartbeat: 15 });
  try {
    await session.ready({ timeoutMs: 5_000 });
    const declarer = new Declarer({ session, logger: silentLogger, clock: systemClock, create: true });
    const registry = new Applications({ config, session, declarer, clock: systemClock });
    const names = Object.values(applications);
    for (const name of names) await registry.unregister(name);
    const queues = [
      ...config.task_handler.queues,
      ...names.map((name) => applicationQueueName(config, name)),
    ];
    const channel = await session.connection?.createChannel();
    for (const queue of queues) {
      await channel?.deleteQueue(queue);
      await channel?.deleteQueue(deadLetterQueueName(queue));
    }
    await channel?.deleteExchange(config.events.exchange);
  } finally {
    await session.close();
  }
}
