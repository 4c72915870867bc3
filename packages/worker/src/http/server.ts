/**
 * The HTTP server of a worker: takes GET and HEAD, answers JSON, and bounds what a client can hold: time, connections,
 * bytes. Knows nothing of workers: `/healthz` is told from the beat of the main thread, all else is asked for there.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { type Clock, withDeadline } from '@celeriac/core';

import type { Answer } from './protocol.js';

export interface ServerParts {
  /** For how long the event loop has stood still, milliseconds, and in which handler, where that is known. */
  readonly block: () => { readonly ms: number; readonly handler: string | undefined };
  readonly maxBlockMs: number;
  /** What the main thread answers. May never resolve, and may reject: both mean that it does not answer. */
  readonly ask: (path: string) => Promise<Answer>;
  readonly clock: Clock;
}

/** How long the main thread may take to answer; probes wait for a second by default. */
export const askMs = 800;
const mostConnections = 64;
/** A loop that turned this long ago is not called blocked. */
const blockedMs = 2_000;

/** Not listening yet. */
export function createHealthServer(parts: ServerParts): Server {
  const limits = { headersTimeout: 5_000, requestTimeout: 5_000, connectionsCheckingInterval: 1_000 };
  const server = createServer({ ...limits, maxHeaderSize: 8_192 }, (request, response) => {
    void answerTo(request, parts).then((answer) => send(request, response, answer));
  });
  server.maxConnections = mostConnections;
  server.setTimeout(10_000, (socket) => socket.destroy());
  return server;
}

/** Never rejects. */
async function answerTo({ method, url = '/' }: IncomingMessage, parts: ServerParts): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return fault(405, 'only GET and HEAD are allowed');
  const path = url.split('?', 1)[0] ?? '/';
  if (path === '/healthz') return alive(parts);
  const { ask, clock } = parts;
  try {
    return await withDeadline(ask(path), { clock, ms: askMs, late: () => new Error('late') });
  } catch {
    const { ms, handler } = parts.block();
    const reasons = [`The event loop of the worker has not turned for ${seconds(ms)} s.`];
    return json(503, { status: 'not ready', reasons, eventLoop: eventLoop(ms, handler) });
  }
}

/** Alive is one whose event loop turns, or has stood still for less than it may. */
function alive({ block, maxBlockMs }: ServerParts): Answer {
  const { ms, handler } = block();
  const isAlive = ms < maxBlockMs;
  const status = !isAlive ? 'not alive' : ms < blockedMs ? 'alive' : 'blocked';
  return json(isAlive ? 200 : 503, { status, eventLoop: eventLoop(ms, handler) });
}

function eventLoop(ms: number, handler: string | undefined): Record<string, unknown> {
  if (ms < blockedMs) return { blockedFor: 0 };
  return { blockedFor: seconds(ms), ...(handler === undefined ? {} : { handler }) };
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}

export function json(status: number, body: unknown): Answer {
  return { status, body: `${JSON.stringify(body)}\n` };
}

export function fault(status: number, error: string): Answer {
  return json(status, { error });
}

function send({ method }: IncomingMessage, response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    connection: 'close', // what a client sends after its head is never read
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(method === 'HEAD' ? undefined : body);
}
