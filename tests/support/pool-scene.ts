/** A worker with a pool of its own broker: what is sent to it, and what came of that. Decides nothing about results. */
import { startBroker, type DevBroker } from '@celeriac/dev-broker';
import type { CeleriacError, ChildStats, Progress, Settled } from '@celeriac/worker';

import { configFor, WatchedPublisher, WatchedWorker } from './clients.js';
import { waitFor } from './wait-for.js';

export const handlers = new URL('./programs/pool-tasks.js', import.meta.url);
export type PoolSettings = Record<string, unknown>;

/** A broker, a worker with one pool, and a publisher. */
export class Scene implements AsyncDisposable {
  readonly broker: DevBroker;
  readonly watched: WatchedWorker;
  readonly progress: Progress[] = [];
  #sender: WatchedPublisher;

  private constructor(broker: DevBroker, watched: WatchedWorker, sender: WatchedPublisher) {
    this.broker = broker;
    this.watched = watched;
    this.#sender = sender;
    watched.worker.on('progress', (one) => this.progress.push(one));
  }

  static async open(
    settings: PoolSettings,
    { module = handlers, tasks = {} }: { readonly module?: URL; readonly tasks?: PoolSettings } = {},
  ): Promise<Scene> {
    const broker = await startBroker({ port: 0 });
    const config = configFor(broker.url, { tasks, task_handler: { concurrency: 2, ...settings } });
    const watched = new WatchedWorker(config, { handlers: module });
    try {
      await watched.worker.start();
      return new Scene(broker, watched, await WatchedPublisher.open(config));
    } catch (error) {
      await broker.stop();
      throw error;
    }
  }

  async send(...[task, args, options]: [string, unknown[]?, object?]): Promise<string> {
    return (await this.#sender.publisher.send(task, args ?? [], options)).id;
  }

  get sender(): WatchedPublisher['publisher'] {
    return this.#sender.publisher;
  }

  /** How one message ended. */
  settled(id: string): Promise<Settled> {
    return waitFor(() => this.watched.settled.find((one) => one.id === id), { what: `${id} to be settled` });
  }

  async run(...what: [string, unknown[]?, object?]): Promise<Settled> {
    return this.settled(await this.send(...what));
  }

  said(id: string): Promise<Progress> {
    return waitFor(() => this.progress.find((one) => one.id === id), { what: `progress of ${id}` });
  }

  get children(): readonly ChildStats[] {
    return this.watched.worker.pools().flatMap(({ children }) => children);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watched[Symbol.asyncDispose]();
    await this.#sender[Symbol.asyncDispose]();
    await this.broker.stop();
  }
}

export const valueOf = ({ outcome }: Settled): unknown =>
  outcome.kind === 'succeeded' ? outcome.value : outcome;
export const errorOf = ({ outcome }: Settled): CeleriacError =>
  (outcome as { error: unknown }).error as CeleriacError;
