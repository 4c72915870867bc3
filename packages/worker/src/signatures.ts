/**
 * What a worker does about signatures, for tasks and for events: verifies deliveries before anything of them is read,
 * refuses what it has handled already, signs what it sends and tries again. Decides nothing: what was refused becomes
 * an Outcome.
 */
import {
  CeleriacError,
  type Clock,
  type Config,
  type Delivery,
  type EncodedMessage,
  loadSigning,
  type Logger,
  type MessageSink,
  type ReceivedBy,
  type ReceivedIn,
  replayed,
  ReplayMemory,
  type ReplayStore,
  type SectionSigning,
  type SignedKind,
  signingCopies,
  signingSink,
  type Verdict,
  type Verified,
  type Verifier,
} from '@celeriac/core';

import type { Prepare, Prepared } from './work.js';

type Copies<From, Next> = (received: From, next: Next) => EncodedMessage;

/** Of one section of the configuration. Without keys each of them gives back what it was given. */
export interface Signatures {
  /** Deliveries are verified before they are prepared. */
  readonly verifying: (prepare: Prepare) => Prepare;
  /** True where the signature is in order, or none is asked for; of what ended before it was prepared. */
  readonly trusts: (delivery: Delivery) => boolean;
  /** Copies for further attempts and from checkpoints are signed, where the message was. */
  readonly copies: <Next>(copyOf: Copies<ReceivedBy, Next>) => Copies<ReceivedIn, Next>;
  /** What is published through it is signed. */
  readonly sink: (sink: MessageSink) => MessageSink;
}

export interface SignatureParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
}

const as = <T>(one: T): T => one;
const none: Signatures = { verifying: as, trusts: () => true, copies: as, sink: as };

/** Nothing is signed, nothing verified. */
export const unsigned: Readonly<Record<'tasks' | 'events', Signatures>> = { tasks: none, events: none };

/** Rejects with ERR_SIGNING_KEY. */
export async function openSignatures(parts: SignatureParts): Promise<Record<'tasks' | 'events', Signatures>> {
  const { tasks, events } = await loadSigning(parts.config, parts.clock);
  for (const [section, { signer, verifier }] of Object.entries({ tasks, events })) {
    if (verifier !== undefined && signer === undefined) throw noOwnKey(section);
  }
  return { tasks: signatures('task', tasks, parts), events: signatures('event', events, parts) };
}

function signatures(
  kind: SignedKind,
  { signer, verifier }: SectionSigning,
  { config, clock, logger }: SignatureParts,
): Signatures {
  const { replay_memory: most } = config[kind === 'task' ? 'tasks' : 'events'].signing;
  const replays = new ReplayMemory(most, () =>
    logger.warn('the memory against replays is full: the oldest messages are forgotten early', {
      kind,
      most,
    }),
  );
  const guard = verifier && new Guard({ kind, verifier, replays, clock });
  return {
    verifying: (prepare) => (guard === undefined ? prepare : (delivery) => guard.prepare(delivery, prepare)),
    trusts: (delivery) => verifier?.verify(delivery, kind).ok ?? true,
    copies: (copyOf) => signingCopies(copyOf, signer),
    sink: (sink) => signingSink(sink, signer),
  };
}

interface GuardParts {
  readonly kind: SignedKind;
  readonly verifier: Verifier;
  readonly replays: ReplayStore;
  readonly clock: Clock;
}

/** Stands before the reading of deliveries. */
export class Guard {
  #parts: GuardParts;

  constructor(parts: GuardParts) {
    this.#parts = parts;
  }

  prepare(delivery: Delivery, prepare: Prepare): Prepared | Promise<Prepared> {
    if (delivery.headerError !== undefined) return prepare(delivery); // ends as malformed: there is no signature to read
    const verified = this.#parts.verifier.verify(delivery, this.#parts.kind);
    if (!verified.ok) return untrusted(delivery, verified);
    if (verified.nonce === undefined) return prepare(delivery);
    const { nonce, until = 0 } = verified;
    const noted = this.#parts.replays.note(nonce, { until, now: this.#parts.clock.now() });
    const go = (isNew: boolean): Prepared | Promise<Prepared> => {
      // Said by the broker alone: who publishes cannot say it.
      if (!isNew && !delivery.redelivered) return untrusted(delivery, replayed(delivery));
      return this.#watched(delivery, nonce, prepare);
    };
    return noted instanceof Promise ? noted.then(go) : go(noted);
  }

  /** What was not handled to an end is forgotten: it comes again. */
  #watched(delivery: Delivery, nonce: string, prepare: Prepare): Prepared | Promise<Prepared> {
    let isOpen = true;
    const forget = (): void => {
      if (isOpen) void this.#parts.replays.forget(nonce);
      isOpen = false;
    };
    const unwatch = delivery.onLost(forget);
    const settled = (verdict: Verdict): void => {
      unwatch();
      if (!isHandled(verdict)) forget();
      isOpen = false;
    };
    const prepared = prepare(delivery);
    return prepared instanceof Promise
      ? prepared.then((one) => ({ ...one, settled }))
      : { ...prepared, settled };
  }
}

const handled: ReadonlySet<Verdict['kind']> = new Set(['ack', 'deadLetter', 'retry', 'continue']);

/** True when the message itself will not come again. A retry is a new one, and so is what goes on from a checkpoint. */
function isHandled({ kind }: Verdict): boolean {
  return handled.has(kind);
}

/** Its retries would carry signatures that are not over them any more, and be refused. */
function noOwnKey(section: string): CeleriacError {
  return new CeleriacError('ERR_SIGNING_KEY', {
    message: `A worker that verifies needs a key of its own: ${section}.signing.sign_with names none.`,
    hint: 'Further attempts are new messages, which it signs. Give it a key with its secret or private part.',
    values: { section },
  });
}

function untrusted({ properties }: Delivery, { problem, error }: Extract<Verified, { ok: false }>): Prepared {
  const { headers = {}, messageId, correlationId } = properties;
  const name = typeof headers.task === 'string' ? headers.task : undefined;
  return { outcome: { kind: 'untrusted', problem, error }, id: messageId ?? correlationId, name };
}
