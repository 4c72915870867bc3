/** A worker process with health endpoints, and what its tests ask of it. Decides nothing about results. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { ConfigInput } from '@celeriac/core';

import { Vhost } from './broker.js';
import { configFor, WatchedPublisher } from './clients.js';
import { type Running, start } from './processes.js';
import type { TcpProxy } from './tcp-proxy.js';

const program = fileURLToPath(new URL('./programs/ops-worker.js', import.meta.url));
const tasks = { default_queue: 'q' } as const;

export interface Told {
  readonly status: number;
  readonly body: {
    readonly status: string;
    readonly phase?: string;
    readonly reasons?: readonly string[];
    readonly inHand?: number;
    readonly eventLoop?: { readonly blockedFor: number; readonly handler?: string };
  };
  readonly headers: Headers;
}

/** A worker process, its virtual host, a publisher, and a directory for its files. */
export class Scene implements AsyncDisposable {
  readonly vhost: Vhost;
  readonly worker: Running;
  readonly client: WatchedPublisher;
  readonly directory: string;

  private constructor({
    vhost,
    worker,
    client,
    directory,
  }: Pick<Scene, 'vhost' | 'worker' | 'client' | 'directory'>) {
    this.vhost = vhost;
    this.worker = worker;
    this.client = client;
    this.directory = directory;
  }

  static async open(config: ConfigInput = {}): Promise<Scene> {
    const vhost = await Vhost.create();
    const worker = startWorker(vhost.url, config);
    const client = await WatchedPublisher.open(configFor(vhost.url, { tasks }));
    const directory = await mkdtemp(join(tmpdir(), 'celeriac-ops-'));
    await worker.line(/READY/u);
    return new Scene({ vhost, worker, client, directory });
  }

  send(task: string, ...args: unknown[]): Promise<{ readonly id: string }> {
    return this.client.publisher.send(task, args);
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  release(name: string): Promise<void> {
    return writeFile(this.file(name), '');
  }

  async get(path: string): Promise<Told> {
    return get(await addressOf(this.worker), path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    this.worker.kill('SIGKILL');
    await this.worker.exited;
    await this.vhost[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true });
  }
}

export function startWorker(url: string, config: ConfigInput = {}): Running {
  const whole = { ...config, tasks, task_handler: { concurrency: 4, ...config.task_handler } };
  return start(process.execPath, [program, url, JSON.stringify(whole)]);
}

export function through(proxy: TcpProxy, { url, rabbit }: Vhost): string {
  return url.replace(`:${rabbit.port}/`, `:${proxy.port}/`);
}

export async function addressOf(worker: Running): Promise<string> {
  const line = await worker.line(/"health endpoints"/u);
  return (JSON.parse(line) as { readonly url: string }).url;
}

export async function get(address: string, path: string): Promise<Told> {
  const response = await fetch(`${address}${path}`);
  return {
    status: response.status,
    body: (await response.json()) as Told['body'],
    headers: response.headers,
  };
}
