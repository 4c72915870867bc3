/**
 * Tells listeners what happened, and lets none of them change it: one that throws or rejects is logged, and the
 * others are told all the same. Listeners only watch.
 */
import type { EventEmitter } from 'node:events';

import type { Logger } from './logger.js';

/** Tells the listeners of an event. Never throws. */
export type Tell<Events extends Record<keyof Events, unknown[]>> = <Name extends keyof Events & string>(
  name: Name,
  ...args: Events[Name]
) => void;

/** A function that tells the listeners of `events`. */
export function notifier<Events extends Record<keyof Events, unknown[]>>(
  events: EventEmitter<Events>,
  logger: Logger,
): Tell<Events> {
  const complain = (name: string) => (error: unknown) =>
    logger.error('a listener failed', { event: name, error });
  const emitter = events as EventEmitter;
  return (name, ...args) => {
    if (emitter.listenerCount(name) === 0) return;
    for (const listener of emitter.rawListeners(name)) {
      try {
        const result: unknown = Reflect.apply(listener, events, args);
        if (result instanceof Promise) result.catch(complain(name));
      } catch (error) {
        complain(name)(error);
      }
    }
  };
}
