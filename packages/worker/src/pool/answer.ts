/** What handlers in a child ask of the broker and of the key store, done over the worker's own connections. */
import type {
  ChordSizes,
  Ensures,
  KeyStoreSource,
  MessageSink,
  SendKeyStore,
  TransientSink,
} from '@celeriac/core';

import type { BrokerCall, CallSide, StoreCall } from './protocol.js';

export interface AnswerSide {
  readonly sink: MessageSink;
  readonly transient: TransientSink;
  readonly declarer: Ensures;
}

/** What came of a call: its value, or what went wrong. */
export interface Answered {
  readonly value?: unknown;
  readonly error?: unknown;
}

/** Never rejects. */
export type Answer = (side: CallSide, ask: BrokerCall) => Promise<Answered>;

export interface AnswerParts {
  readonly sides: Readonly<Record<CallSide, AnswerSide>>;
  readonly keyStore: Pick<KeyStoreSource<SendKeyStore>, 'open'>;
  /** Rejects where chords cannot be counted. */
  readonly chords: () => Promise<ChordSizes>;
}

export function answerer({ sides, keyStore, chords }: AnswerParts): Answer {
  return async (side, ask) => {
    try {
      if (ask.what === 'store') return { value: await kept(await keyStore.open(), ask) };
      if (ask.what === 'chord') await (await chords()).expect(ask.groupId, ask.size);
      else await done(sides[side], ask);
      return {};
    } catch (error) {
      return { error }; // told to the handler that asked
    }
  };
}

/** A list of its own, so that a child can call nothing else. */
function kept(store: SendKeyStore, ask: StoreCall): Promise<unknown> {
  switch (ask.method) {
    case 'hold':
      return store.hold(...ask.given);
    case 'confirm':
      return store.confirm(...ask.given);
    case 'holder':
      return store.holder(...ask.given);
    case 'letGo':
      return store.letGo(...ask.given);
    case 'enter':
      return store.enter(...ask.given);
    case 'supersede':
      return store.supersede(...ask.given);
  }
}

async function done(
  { sink, transient, declarer }: AnswerSide,
  ask: Exclude<BrokerCall, StoreCall | { what: 'chord' }>,
): Promise<void> {
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
