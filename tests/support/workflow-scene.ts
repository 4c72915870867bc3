/** RabbitMQ, Redis, a Python worker, a Node worker and a publisher, for workflows over both languages. Checks nothing. */
import type { Signature } from '@celeriac/publisher';

import { Vhost } from './broker.js';
import { configFor, WatchedPublisher, WatchedWorker } from './clients.js';
import { pythonCalls, PythonWorker } from './python.js';
import { Redis } from './redis.js';
import { waitFor } from './wait-for.js';
import { registerSteps } from './workflow-steps.js';

/** For one result. */
export const timeout = '150s';

export class WorkflowScene implements AsyncDisposable {
  readonly vhost: Vhost;
  readonly client: WatchedPublisher;
  readonly node: WatchedWorker;
  readonly #env: NodeJS.ProcessEnv;
  readonly #opened: AsyncDisposable[];

  private constructor(
    parts: { vhost: Vhost; client: WatchedPublisher; node: WatchedWorker },
    env: NodeJS.ProcessEnv,
    opened: AsyncDisposable[],
  ) {
    this.vhost = parts.vhost;
    this.client = parts.client;
    this.node = parts.node;
    this.#env = env;
    this.#opened = opened;
  }

  static async open(noting: Parameters<typeof registerSteps>[1]): Promise<WorkflowScene> {
    const opened: AsyncDisposable[] = [];
    const redis = await Redis.start();
    opened.push(redis);
    const vhost = await Vhost.create();
    opened.push(vhost);
    const env = { INTEROP_BACKEND: redis.url };
    const tasks = { compatibility: 'celery', result_backend: redis.url } as const;
    const config = configFor(vhost.url, { tasks, task_handler: { queues: ['node'], concurrency: 20 } });
    const node = new WatchedWorker(config);
    opened.push(node);
    registerSteps(node.worker, noting);
    const options = ['--pool=prefork', '--concurrency=2'];
    const [python] = await Promise.all([
      PythonWorker.start(vhost.url, { app: 'canvas_app', options, env }),
      node.worker.start(),
    ]);
    opened.push(python);
    const client = await WatchedPublisher.open(config);
    opened.push(client);
    return new WorkflowScene({ vhost, client, node }, env, opened);
  }

  async valueOf(workflow: Signature<undefined>): Promise<unknown> {
    const result = await this.client.publisher.sendWorkflow(workflow);
    return result.result({ timeout });
  }

  python<Answer = Record<string, unknown>>(...call: [string, ...unknown[]]): Promise<Answer> {
    return pythonCalls<Answer>(this.vhost.url, call, this.#env);
  }

  /** Nothing waits in a queue, or is with a worker. */
  async quiet(): Promise<void> {
    await waitFor(
      async () => {
        const all = ['celery', 'node'];
        const waiting = await Promise.all(all.map((queue) => this.vhost.depth(queue)));
        const held = await Promise.all(all.map((queue) => this.vhost.unacknowledged(queue)));
        return [...waiting, ...held].every((count) => count === 0);
      },
      { what: 'queues without messages' },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#opened.reverse()) await one[Symbol.asyncDispose]();
  }
}
