/** Where the HTTP thread starts: listens, and serves until it is terminated. Runs no code of the application. */
import type { AddressInfo } from 'node:net';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';

import { errorText, systemClock } from '@celeriac/core';

import { handlerName } from '../watchdog-state.js';
import type { Answer, FromHttp, HttpBoot, ToHttp } from './protocol.js';
import { createHealthServer } from './server.js';

/** Questions that may wait for the main thread, so that one that does not turn is not buried under them. */
const mostAsked = 64;

if (parentPort !== null) serve(workerData as HttpBoot, parentPort);

function serve({ host, port, maxBlockMs, beat, handlers }: HttpBoot, main: MessagePort): void {
  const tell = (message: FromHttp): void => main.postMessage(message);
  const lastBeat = new BigInt64Array(beat);
  const waiting = new Map<number, (answer: Answer) => void>();
  let nextId = 1;
  main.on('message', ({ id, answer }: ToHttp) => {
    waiting.get(id)?.(answer);
    waiting.delete(id);
  });
  const server = createHealthServer({
    maxBlockMs,
    clock: systemClock,
    block: () => ({
      ms: Number(process.hrtime.bigint() - Atomics.load(lastBeat, 0)) / 1e6,
      handler: handlers === undefined ? undefined : handlerName(handlers),
    }),
    ask: (path) => {
      if (waiting.size >= mostAsked)
        return Promise.reject(new Error('The main thread has enough to answer.'));
      const id = nextId++;
      const given = new Promise<Answer>((resolve) => void waiting.set(id, resolve));
      tell({ kind: 'ask', id, path });
      return given;
    },
  });
  server.once('error', (error: NodeJS.ErrnoException) => {
    tell({ kind: 'refused', code: error.code, text: errorText(error) });
  });
  server.listen({ host, port }, () => {
    tell({ kind: 'listening', port: (server.address() as AddressInfo).port });
  });
}
