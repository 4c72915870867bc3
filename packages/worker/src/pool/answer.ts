/** What handlers in a child ask of the broker, done over the worker's own connections. */
import type { Ensures, MessageSink, TransientSink } from '@celeriac/core';

import type { BrokerCall, CallSide } from './protocol.js';

export interface AnswerSide {
  readonly sink: MessageSink;
  readonly transient: TransientSink;
  readonly declarer: Ensures;
}

/** Resolves with what went wrong, undefined when nothing did. Never rejects. */
export type Answer = (side: CallSide, ask: BrokerCall) => Promise<unknown>;

export function answerer(sides: Readonly<Record<CallSide, AnswerSide>>): Answer {
  return async (side, ask) => {
    try {
      await done(sides[side], ask);
      return undefined;
    } catch (error) {
      return error; // told to the handler that asked
    }
  };
}

async function done({ sink, transient, declarer }: AnswerSide, ask: BrokerCall): Promise<void> {
  switch (ask.what) {
    case 'ensure':
      await declarer.ensure(ask.key, () => ask.topology);
      return;
    case 'forget':
      declarer.forget(ask.key);
      return;
    case 'tell':
      transient.publish(withBuffer(ask.message));
      return;
    case 'publish': {
      const { message, timeoutMs } = ask;
      await sink.publish(withBuffer(message), timeoutMs === undefined ? {} : { timeoutMs });
    }
  }
}

/** Its body arrives as plain bytes. */
function withBuffer<T extends { readonly body: Uint8Array }>(message: T): T & { readonly body: Buffer } {
  const { body } = message;
  return { ...message, body: Buffer.from(body.buffer, body.byteOffset, body.byteLength) };
}
