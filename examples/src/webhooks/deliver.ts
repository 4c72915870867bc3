/**
 * Delivers one webhook by one POST: signed, to public addresses only, within a time and a size, following no
 * redirects. Throws Reject for what no later attempt can mend, Retry or an error for the rest; tries nothing twice.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isIP } from 'node:net';

import { encodeEvent } from '@celeriac/core';
import { type EventMessage, Reject, Retry } from '@celeriac/worker';

import { AddressRefused, type CheckAddress, checkedLookup, publicOnly } from './public-address.js';
import { sign } from './signature.js';

export interface Target {
  readonly url: string;
  /** `whsec_` and Base64; all of them sign. */
  readonly secrets: readonly string[];
}

export interface DeliveryLimits {
  /** From the look-up of the name to the end of the answer. Milliseconds; default 10,000. */
  readonly timeout?: number;
  /** Of the request's body. Bytes; default 256 KiB. */
  readonly maxBody?: number;
  /** Of the answer's; nobody reads it. Bytes; default 64 KiB. */
  readonly maxAnswer?: number;
  /** Default: only https. For tests. */
  readonly allowHttp?: boolean;
  /** Default: only public addresses. For tests. */
  readonly checkAddress?: CheckAddress;
}

const longestWait = 3600; // seconds that a receiver may ask for

/** Resolves when the receiver has answered with 2xx. */
export async function deliver(
  event: EventMessage,
  target: Target,
  { signal, ...limits }: DeliveryLimits & { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const { timeout = 10_000, maxBody = 256 * 1024 } = limits;
  const url = checkedUrl(target.url, limits);
  const { body, properties } = encodeEvent(event);
  if (body.length > maxBody)
    throw new Reject(`The event has ${body.length} bytes; webhooks have ${maxBody}.`);
  const headers = {
    'content-type': properties.contentType,
    'content-length': body.length,
    'user-agent': 'celeriac-webhooks',
    ...sign({ id: headerText(event.id), time: Date.now(), body }, target.secrets),
  };
  const deadline = AbortSignal.timeout(timeout);
  const over = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
  try {
    const answer = await post(url, { headers, body, signal: over, limits });
    await readThrough(answer, limits.maxAnswer ?? 64 * 1024);
    judge(answer);
  } catch (error) {
    if (error instanceof AddressRefused) throw new Reject(error.message);
    throw deadline.aborted ? new Error(`No answer within ${timeout} ms.`, { cause: error }) : error;
  }
}

/** An address that stands in the URL itself is never looked up: it is checked here. */
function checkedUrl(text: string, { allowHttp = false, checkAddress = publicOnly }: DeliveryLimits): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && !(allowHttp && url.protocol === 'http:')))
    throw new Reject('A webhook goes to an https URL.');
  if (url.username !== '' || url.password !== '')
    throw new Reject('The URL of a webhook holds no credentials.');
  const host = url.hostname.replace(/^\[|\]$/gu, '');
  try {
    if (isIP(host) !== 0) checkAddress(host);
  } catch (error) {
    throw new Reject((error as Error).message);
  }
  return url;
}

interface Sending {
  readonly headers: Record<string, string | number | undefined>;
  readonly body: Buffer;
  readonly signal: AbortSignal;
  readonly limits: DeliveryLimits;
}

async function post(url: URL, { headers, body, signal, limits }: Sending): Promise<IncomingMessage> {
  const isHttps = url.protocol === 'https:';
  const [request, Agent] = isHttps ? [requestHttps, HttpsAgent] : [requestHttp, HttpAgent];
  const sending = request(url, {
    method: 'POST',
    headers,
    signal,
    lookup: checkedLookup(limits.checkAddress ?? publicOnly),
    agent: new Agent({ keepAlive: false }), // no socket to an address that was checked for somebody else
  });
  sending.on('error', () => undefined); // once it is answered, the answer fails with it
  sending.end(body);
  const [answer] = (await once(sending, 'response')) as [IncomingMessage];
  return answer;
}

/** Not kept: what a receiver says may be long, and is shown to nobody. */
async function readThrough(answer: IncomingMessage, most: number): Promise<void> {
  let bytes = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > most) break; // which closes the connection; the status counts
  }
}

function judge({ statusCode = 0, headers }: IncomingMessage): void {
  if (statusCode >= 200 && statusCode < 300) return;
  const what = `The receiver answered with ${statusCode}`;
  if (statusCode >= 300 && statusCode < 400) throw new Reject(`${what}: redirects are not followed.`);
  const wait = secondsOf(headers['retry-after']);
  if (statusCode === 429 || statusCode === 503)
    throw new Retry({ reason: `${what}.`, ...(wait === undefined ? {} : { delay: wait }) });
  if (statusCode < 500 && ![408, 425].includes(statusCode)) throw new Reject(`${what}.`);
  throw new Error(`${what}.`);
}

/** Of `Retry-After`, in seconds. A date is left to the policy. */
function secondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,6}$/u.test(text) ? Math.min(Number(text), longestWait) : undefined;
}

/** Ids are anybody's text; headers are not. */
function headerText(id: string): string {
  return /^[\w.:/+-]{1,200}$/u.test(id) ? id : createHash('sha256').update(id).digest('hex');
}
