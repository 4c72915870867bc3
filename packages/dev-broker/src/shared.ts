/**
 * The brokers of `memory://`: one per name in a process, started by the first who asks, for as long as the process
 * lives. They keep no process alive: when its clients have closed, it ends.
 */
import { type DevBroker, startBroker } from './server/server.js';

/** Held by the process, not by this module: two copies of the package still mean the same brokers. */
const holder = globalThis as { [key: symbol]: Map<string, Promise<DevBroker>> | undefined };
const key = Symbol.for('celeriac.shared-brokers');

/** The broker of that name, with that virtual host. Rejects when no port of 127.0.0.1 can be had. */
export async function sharedBroker(name: string, vhost: string): Promise<DevBroker> {
  const brokers = (holder[key] ??= new Map<string, Promise<DevBroker>>());
  for (;;) {
    const starting = brokers.get(name) ?? begin(brokers, name);
    const broker = await starting;
    if (broker.isListening) {
      broker.addVhost(vhost);
      return broker;
    }
    // Somebody has stopped it. Whoever sees that first makes room for the next one.
    if (brokers.get(name) === starting) brokers.delete(name);
  }
}

function begin(brokers: Map<string, Promise<DevBroker>>, name: string): Promise<DevBroker> {
  const starting = startBroker({ keepsProcessAlive: false });
  brokers.set(name, starting);
  starting.catch(() => brokers.delete(name)); // the next one may have more luck
  return starting;
}
