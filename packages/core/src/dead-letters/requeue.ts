/**
 * Puts dead letters back into their queues: each is published with a confirm and only then taken out, so that no crash
 * in between loses it; at worst it is in both. Reads no queue itself.
 */
import type { Clock } from '../clock.js';
import { isQueueName } from '../policy/queue-name.js';
import type { MessageSink } from '../ports.js';
import type { Signing } from '../signing/signing.js';
import { requeuedCopy } from './copy.js';
import type { DeadLetter } from './letter.js';
import { type Resigned, resigned } from './resign.js';
import type { InHand } from './walk.js';

export interface RequeueOptions {
  /** Into this queue. Default: the one each died in. */
  readonly to?: string | undefined;
  /** Changes nothing, and reports what would be done. */
  readonly dryRun?: boolean | undefined;
  /** So many per second at most. */
  readonly ratePerSecond?: number | undefined;
  /** They get this expiry, from now. Default: what is left of their own; one that has passed is left out. */
  readonly expiresMs?: number | undefined;
  /** All are signed with the configured key, whatever they carry. Default: those whose own signature is right. */
  readonly vouch?: boolean | undefined;
}

export interface RequeueReport {
  /** The dead-letter queue. */
  readonly queue: string;
  /** Dead letters that were read, and that the filter named. */
  readonly read: number;
  readonly matched: number;
  /** Confirmed in their queues; with `dryRun`, those that would be sent. */
  readonly requeued: number;
  /** By the queue they went to. */
  readonly queues: Readonly<Record<string, number>>;
  /** Of these, still in the dead-letter queue too: the connection was lost in between. */
  readonly doubled: number;
  /** Left alone: nothing says where they came from, or what says so is no other queue, or their headers cannot be read. */
  readonly skipped: number;
  /** Sent without their expiry, which had passed. */
  readonly expiryDropped: number;
  /** Signed anew, with the configured key. */
  readonly signed: number;
  /** Sent as they are, though a key is configured: their signature is not right, or there is none where one is required. */
  readonly unverified: number;
}

export interface RequeueParts extends RequeueOptions {
  /** The dead-letter queue: what is said to come from there would go round. */
  readonly from: string;
  readonly signing: Signing;
  readonly sink: MessageSink;
  readonly clock: Clock;
  readonly timeZone: string;
  readonly timeoutMs: number;
  /** What the sink takes at once. */
  readonly maxMessages: number;
  readonly maxBytes: number;
}

interface Copy extends Resigned {
  readonly expiryDropped: boolean;
}

/** On their way at once, also where the publisher would take more: so many may be doubled by a crash. */
const mostMessages = 64;
const mostBytes = 8 * 1024 * 1024;

export class Requeue {
  #parts: RequeueParts;
  #inFlight = new Set<Promise<void>>();
  #bytes = 0;
  #nextAt = 0;
  #failure: { readonly error: unknown } | undefined;
  #queues = new Map<string, number>();
  #requeued = 0;
  #doubled = 0;
  #skipped = 0;
  #expiryDropped = 0;
  #signed = 0;
  #unverified = 0;

  constructor(parts: RequeueParts) {
    this.#parts = parts;
  }

  get report(): Omit<RequeueReport, 'queue' | 'read' | 'matched'> {
    return {
      requeued: this.#requeued,
      queues: Object.fromEntries(this.#queues),
      doubled: this.#doubled,
      skipped: this.#skipped,
      expiryDropped: this.#expiryDropped,
      signed: this.#signed,
      unverified: this.#unverified,
    };
  }

  /** Resolves when the next one may come. Rejects once one could not be sent. */
  async add(inHand: InHand): Promise<void> {
    const { letter } = inHand;
    const queue = this.#target(letter);
    if (queue === undefined) {
      this.#skipped++;
      return;
    }
    if (this.#parts.dryRun === true) {
      this.#count(letter, queue);
      return;
    }
    await this.#pace();
    const { length } = letter.body;
    await this.#room(length);
    this.check();
    const sending = this.#send(inHand, queue).finally(() => {
      this.#inFlight.delete(sending);
      this.#bytes -= length;
    });
    this.#inFlight.add(sending);
    this.#bytes += length;
  }

  /** Resolves when nothing is on its way. Never rejects: see `check`. */
  async settled(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  /** Throws what went wrong with one that was on its way. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #target({ headerError, queue }: DeadLetter): string | undefined {
    // Written again, a table that cannot be read would be lost.
    if (headerError !== undefined) return undefined;
    const { to, from } = this.#parts;
    const target = to ?? queue;
    // Whoever may write to a dead-letter queue also writes where its letters are said to come from.
    return target === undefined || target === from || !isQueueName(target) ? undefined : target;
  }

  async #send(inHand: InHand, queue: string): Promise<void> {
    const { sink, timeoutMs } = this.#parts;
    try {
      const copy = this.#copy(inHand.letter, queue);
      await sink.publish(copy.message, { timeoutMs, anySize: true });
      this.#counted(queue, copy);
      if (!inHand.take()) this.#doubled++;
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  #count(letter: DeadLetter, queue: string): void {
    this.#counted(queue, this.#copy(letter, queue));
  }

  #counted(queue: string, { expiryDropped, signature }: Copy): void {
    this.#requeued++;
    this.#queues.set(queue, (this.#queues.get(queue) ?? 0) + 1);
    if (expiryDropped) this.#expiryDropped++;
    if (signature === 'renewed') this.#signed++;
    if (signature === 'unverified') this.#unverified++;
  }

  #copy(letter: DeadLetter, queue: string): Copy {
    const { clock, timeZone, expiresMs, signing, vouch = false } = this.#parts;
    const { message, expiryDropped } = requeuedCopy(letter, { queue, now: clock.now(), timeZone, expiresMs });
    return { expiryDropped, ...resigned(letter, { message, queue }, { signing, vouch }) };
  }

  /** A message that is larger than all that may be on its way goes alone. */
  async #room(length: number): Promise<void> {
    const { maxMessages, maxBytes } = this.#parts;
    const messages = Math.min(mostMessages, maxMessages);
    const bytes = Math.min(mostBytes, maxBytes);
    while (this.#inFlight.size >= messages || (this.#inFlight.size > 0 && this.#bytes + length > bytes)) {
      await Promise.race(this.#inFlight);
    }
  }

  async #pace(): Promise<void> {
    const { ratePerSecond, clock } = this.#parts;
    if (ratePerSecond === undefined) return;
    const now = clock.monotonic();
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + 1000 / ratePerSecond;
    if (at > now) await clock.sleep(at - now);
  }
}
