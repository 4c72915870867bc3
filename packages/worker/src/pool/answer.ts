/** What handlers in a child ask of the broker, done over the worker's own connections. */
import type { Ensures, MessageSink } from '@celeriac/core';

import type { BrokerCall, CallSide } from './protocol.js';

export interface AnswerSide {
  readonly sink: MessageSink;
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

async function done({ sink, declarer }: AnswerSide, ask: BrokerCall): Promise<void> {
  switch (ask.what) {
    case 'ensure':
      await declarer.ensure(ask.key, () => ask.topology);
      return;
    case 'forget':
      declarer.forget(ask.key);
      return;
    case 'publish': {
      const { body } = ask.message;
      const message = { ...ask.message, body: Buffer.from(body.buffer, body.byteOffset, body.byteLength) };
      await sink.publish(message, ask.timeoutMs === undefined ? {} : { timeoutMs: ask.timeoutMs });
    }
  }
}
