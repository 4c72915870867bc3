/**
 * The messages in the queue of beat: its state, a mark that says how far the queue was read, and commands. Their kind
 * is in the AMQP property `type`. Pure.
 */
import { randomUUID } from 'node:crypto';

import type { Delivery, OutgoingMessage } from '@celeriac/core';

import { type BeatState, readState } from './state.js';

export const actions = ['pause', 'resume', 'run', 'list'] as const;
export type Action = (typeof actions)[number];

export interface Command {
  readonly id: string;
  readonly action: Action;
  /** Of the schedule; empty for `list`. */
  readonly name: string;
  /** The queue that waits for an answer. */
  readonly replyTo: string | undefined;
}

export type BeatMessage =
  | { readonly kind: 'state'; readonly state: BeatState }
  | { readonly kind: 'mark'; readonly mark: string }
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'unknown' };

const types = { state: 'celeriac.beat.state', mark: 'celeriac.beat.mark', command: 'celeriac.beat.command' };
const largestBody = 2 ** 24;

/** What anyone may have put into the queue. Never throws. */
export function readMessage({ properties, body }: Pick<Delivery, 'properties' | 'body'>): BeatMessage {
  const { type, messageId = '', replyTo } = properties;
  if (type === types.mark) return { kind: 'mark', mark: messageId };
  const document = body.length > largestBody ? undefined : parse(body);
  if (type === types.state) {
    const state = readState(document);
    return state === undefined ? { kind: 'unknown' } : { kind: 'state', state };
  }
  const command = type === types.command ? readCommand(document, { id: messageId, replyTo }) : undefined;
  return command === undefined ? { kind: 'unknown' } : { kind: 'command', command };
}

function readCommand(
  document: unknown,
  { id, replyTo }: Pick<Command, 'id' | 'replyTo'>,
): Command | undefined {
  if (typeof document !== 'object' || document === null || id === '') return undefined;
  const { action, name } = document as { action?: unknown; name?: unknown };
  const known = actions.find((one) => one === action);
  if (known === undefined || typeof name !== 'string' || name.length > 200) return undefined;
  return { id, action: known, name, replyTo };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined; // somebody else's message: it is dropped, with a line in the log
  }
}

export function stateMessage(queue: string, state: BeatState): OutgoingMessage {
  return message(queue, { type: types.state, messageId: randomUUID() }, state);
}

export function markMessage(queue: string, mark: string): OutgoingMessage {
  return message(queue, { type: types.mark, messageId: mark }, {});
}

/** `expiresMs`: dropped by the broker when nobody took it for so long; undefined: it waits. */
export function commandMessage(
  queue: string,
  { id, action, name, replyTo }: Command,
  expiresMs?: number,
): OutgoingMessage {
  const expiration = expiresMs === undefined ? {} : { expiration: String(Math.ceil(expiresMs)) };
  const reply = replyTo === undefined ? {} : { replyTo };
  return message(queue, { type: types.command, messageId: id, ...reply, ...expiration }, { action, name });
}

/** Nobody may be there to read it any more: the broker drops it then. */
export function replyMessage(queue: string, id: string, answer: unknown): OutgoingMessage {
  const reply = message(
    queue,
    { type: 'celeriac.beat.reply', messageId: randomUUID(), correlationId: id },
    answer,
  );
  return { ...reply, mandatory: false };
}

function message(
  routingKey: string,
  properties: OutgoingMessage['properties'],
  document: unknown,
): OutgoingMessage {
  const body = Buffer.from(JSON.stringify(document));
  return { exchange: '', routingKey, body, properties: { ...properties, contentType: 'application/json' } };
}
