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
  let starting = brokers.get(name);
  if (starting === undefined) {
    starting = startBroker({ keepsProcessAlive: false });
    brokers.set(name, starting);
    starting.catch(() => brokers.delete(name)); // the next one may have more luck
  }
  const broker = await starting;
  broker.addVhost(vhost);
  return broker;
}
