/**
 * The main thread's end of the HTTP endpoints (ADR 0029): starts the thread that serves them, shows it that the event
 * loop turns, and answers what only this thread knows. Answers questions; changes nothing.
 */
import { Worker } from 'node:worker_threads';

import { CeleriacError, type Clock, type Config, isLoopback, type Logger, type Timer } from '@celeriac/core';

import type { WorkerHealth } from '../condition.js';
import type { Answer, FromHttp, HttpBoot } from './protocol.js';
import { fault, json } from './server.js';

export interface HttpParts {
  readonly config: Pick<Config, 'http'>;
  readonly health: () => WorkerHealth;
  /** Memory with the name of the handler that runs. */
  readonly handlers: SharedArrayBuffer | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
}

const beatMs = 250;
/** Before a thread that ended is started again. */
const restartMs = 1_000;

/** As configured; undefined when it is off. Rejects with ERR_BIND_REFUSED or ERR_PORT_TAKEN. */
export async function openHttp(parts: HttpParts): Promise<HttpEndpoint | undefined> {
  const { host, port, allow_remote: allowRemote } = parts.config.http;
  if (port === undefined) return undefined;
  if (!isLoopback(host) && !allowRemote) throw notAllowed(host);
  const endpoint = new HttpEndpoint(parts);
  try {
    await endpoint.listen(port);
  } catch (error) {
    await endpoint.close();
    throw error;
  }
  parts.logger.info('health endpoints', { url: endpoint.url });
  return endpoint;
}

export class HttpEndpoint {
  #parts: HttpParts;
  #beat = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
  #timer: Timer | undefined;
  #thread: Worker | undefined;
  #port = 0;
  #closed = false;

  constructor(parts: HttpParts) {
    this.#parts = parts;
    this.#turn();
  }

  /** Where it listens. */
  get url(): string {
    const { host } = this.#parts.config.http;
    return `http://${host.includes(':') ? `[${host}]` : host}:${this.#port}`;
  }

  async listen(port: number): Promise<void> {
    const { host, max_block: maxBlock } = this.#parts.config.http;
    const { handlers, logger } = this.#parts;
    const boot: HttpBoot = { host, port, maxBlockMs: maxBlock * 1000, beat: this.#beat, handlers };
    const thread = new Worker(new URL('./thread.js', import.meta.url), {
      workerData: boot,
      execArgv: [],
      name: 'celeriac-http',
    });
    this.#thread = thread;
    thread.unref();
    thread.on('error', (error) => logger.error('the thread of the health endpoints failed', { error }));
    this.#port = await listening(thread, { host, port });
    thread.on('message', (message: FromHttp) => {
      if (message.kind !== 'ask') return;
      thread.postMessage({ kind: 'answer', id: message.id, answer: this.#answer(message.path) });
    });
    thread.once('exit', () => void this.#ended());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#thread?.terminate();
  }

  #answer(path: string): Answer {
    if (path !== '/readyz') return fault(404, 'there are /healthz and /readyz');
    const { ready, ...health } = this.#parts.health();
    return json(ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', ...health });
  }

  /** A worker without probes is worse off than one whose probes were away for a second. */
  async #ended(): Promise<void> {
    const { clock, logger } = this.#parts;
    for (;;) {
      await clock.sleep(restartMs);
      if (this.#closed) return;
      try {
        await this.listen(this.#port);
        return;
      } catch (error) {
        logger.error('the health endpoints are away, trying on', { error });
        await this.#thread?.terminate();
      }
    }
  }

  #turn(): void {
    Atomics.store(new BigInt64Array(this.#beat), 0, process.hrtime.bigint());
    this.#timer = this.#parts.clock.after(beatMs, () => this.#turn(), { ref: false });
  }
}

interface Place {
  readonly host: string;
  readonly port: number;
}

function listening(thread: Worker, place: Place): Promise<number> {
  return new Promise((resolve, reject) => {
    thread.once('message', (message: FromHttp) => {
      if (message.kind === 'listening') resolve(message.port);
      else if (message.kind === 'refused') reject(cannotListen(place, message));
    });
    thread.once('error', reject);
    thread.once('exit', () => reject(new Error('The thread of the health endpoints ended.')));
  });
}

function notAllowed(host: string): CeleriacError {
  return new CeleriacError('ERR_BIND_REFUSED', {
    message: `The health endpoints do not listen on ${host}: other machines may reach it, and there is no password.`,
    hint: 'Listen on 127.0.0.1, or set http.allow_remote where the network is your own.',
    values: { host },
  });
}

function cannotListen(
  { host, port }: Place,
  { code, text }: Extract<FromHttp, { kind: 'refused' }>,
): CeleriacError {
  const isTaken = code === 'EADDRINUSE';
  return new CeleriacError(isTaken ? 'ERR_PORT_TAKEN' : 'ERR_BIND_REFUSED', {
    message: isTaken
      ? `Port ${port} of ${host} is taken: the health endpoints cannot listen.`
      : `The health endpoints cannot listen on port ${port} of ${host}: ${text}.`,
    hint: 'Set http.port and http.host to where this worker may listen; each worker of a machine needs a port of its own.',
    values: { host, port, code },
  });
}
