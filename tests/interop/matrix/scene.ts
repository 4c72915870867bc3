/** Both sides of the matrix over one store of results: a Python worker and program, a Node worker and publisher. */
import { currentTask, type TaskContext, type TaskMessage } from '@celeriac/worker';

import { Vhost } from '../../support/broker.js';
import { configFor, WatchedPublisher, WatchedWorker } from '../../support/clients.js';
import { PythonCaller } from '../../support/python-caller.js';
import { PythonWorker } from '../../support/python.js';
import { Redis } from '../../support/redis.js';
import { waitFor } from '../../support/wait-for.js';
import { registerMatrix } from './node-side.js';

export type Store = 'rpc' | 'redis';
export type QueueType = 'classic' | 'quorum';
export const stores = ['rpc', 'redis'] as const;
export const queueTypes = ['classic', 'quorum'] as const;

/** A run on the Node worker. */
export interface NodeRun {
  readonly id: string;
  /** As the handler got them. */
  readonly given: readonly unknown[];
  readonly message: TaskMessage;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What a check sees: the scene and the type of queue it is about. */
export interface View {
  readonly scene: Scene;
  readonly type: QueueType;
}

type SceneParts = Pick<Scene, 'runs' | 'vhost' | 'node' | 'client' | 'python' | 'caller' | 'isTyped'>;

const timeout = '150s';

export class Scene implements AsyncDisposable {
  readonly runs: readonly NodeRun[];
  readonly vhost: Vhost;
  readonly node: WatchedWorker;
  readonly client: WatchedPublisher;
  readonly python: PythonWorker;
  readonly caller: PythonCaller;
  /** kombu 5.3 and later write dates, bytes and such as typed values. */
  readonly isTyped: boolean;
  #opened: AsyncDisposable[];

  private constructor(parts: SceneParts, opened: AsyncDisposable[]) {
    this.runs = parts.runs;
    ({ vhost: this.vhost, node: this.node, client: this.client } = parts);
    ({ python: this.python, caller: this.caller, isTyped: this.isTyped } = parts);
    this.#opened = opened;
  }

  /** Resolves when both workers consume. The zones of time are all different, and none is UTC. */
  static async open(store: Store): Promise<Scene> {
    const opened: AsyncDisposable[] = [];
    const redis = store === 'redis' ? await Redis.start() : undefined;
    if (redis !== undefined) opened.push(redis);
    const backend = redis?.url ?? 'rpc://';
    const vhost = await Vhost.create();
    opened.push(vhost);
    await declare(vhost);
    const tasks = { compatibility: 'celery', result_backend: backend, track_started: true } as const;
    const queues = queueTypes.map((type) => `node.${type}`);
    const config = configFor(vhost.url, { tasks, task_handler: { queues, concurrency: 20 } });
    const node = new WatchedWorker(config);
    opened.push(node);
    const runs: NodeRun[] = [];
    registerMatrix(node.worker, (given) => {
      const { id, message } = currentTask() as TaskContext;
      runs.push({ id, given, message, at: Date.now() });
    });
    const env = { INTEROP_BACKEND: backend, INTEROP_LINES: '/dev/null' };
    const caller = new PythonCaller(vhost.url, { ...env, TZ: 'Asia/Shanghai' });
    opened.push(caller);
    const options = ['--pool=prefork', '--concurrency=3', '-Q', 'py.classic,py.quorum'];
    const { INTEROP_LINES: _itsOwn, ...workerEnv } = env;
    const [python] = await Promise.all([
      PythonWorker.start(vhost.url, {
        app: 'matrix_app',
        options,
        env: { ...workerEnv, TZ: 'America/New_York' },
      }),
      node.worker.start(),
    ]);
    opened.push(python);
    const client = await WatchedPublisher.open(config);
    opened.push(client);
    const { kombu } = await caller.call<{ kombu: [number, number] }>('versions');
    const isTyped = kombu[0] > 5 || kombu[1] >= 3;
    return new Scene({ runs, vhost, node, client, python, caller, isTyped }, opened);
  }

  /** The first run of a task on the Node worker. */
  runOf({ id }: { readonly id: string }): Promise<NodeRun> {
    return waitFor(() => this.runs.find((run) => run.id === id), {
      what: `the run of ${id}`,
      within: 120_000,
    });
  }

  /** What a Python worker made of it. */
  async onPython(type: QueueType, call: readonly [string, unknown?, object?]): Promise<unknown> {
    const [name, input, options] = call;
    const receipt = await this.client.publisher.send(name, input, { queue: `py.${type}`, ...options });
    return receipt.result({ timeout });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#opened.reverse()) await one[Symbol.asyncDispose]();
  }
}

/** Queues of both types, before anyone else declares them otherwise. */
async function declare(vhost: Vhost): Promise<void> {
  const channel = await (await vhost.raw()).createChannel();
  for (const owner of ['py', 'node']) {
    for (const type of queueTypes) {
      const args = type === 'quorum' ? { arguments: { 'x-queue-type': 'quorum' } } : {};
      await channel.assertQueue(`${owner}.${type}`, { durable: true, ...args });
    }
  }
  await channel.close();
}
