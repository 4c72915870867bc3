/**
 * Results of a test application, in memory: written and read as Redis would have them, as Celery's records, so that what
 * cannot be kept fails here too. Counts no chords. Forgotten with the test.
 */
import {
  CeleriacError,
  type Clock,
  decodeResult,
  encodeResult,
  isReady,
  type NewResult,
  type Replies,
  type ResultRecord,
  type ResultStore,
  type ResultTarget,
  type ResultWriter,
} from '@celeriac/core';

export class MemoryResults implements ResultWriter, ResultStore {
  readonly replies: Replies = {};
  readonly chords: undefined = undefined;
  #clock: Pick<Clock, 'now'>;
  #records = new Map<string, string>();
  #waiting = new Map<string, Set<(record: ResultRecord) => void>>();
  #closed = new AbortController();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  accepts(): boolean {
    return true;
  }

  async write(target: ResultTarget, result: NewResult): Promise<void> {
    const { id } = target;
    if ((await this.read(id))?.status === 'SUCCESS') return;
    const text = encodeResult(target, result, { form: 'stored', now: this.#clock.now() });
    this.#records.set(id, text);
    const record = decodeResult(text, id);
    if (!isReady(record.status)) return;
    for (const resolve of this.#waiting.get(id) ?? []) resolve(record);
    this.#waiting.delete(id);
  }

  read(id: string): Promise<ResultRecord | undefined> {
    const text = this.#records.get(id);
    return Promise.resolve(text === undefined ? undefined : decodeResult(text, id));
  }

  async wait(id: string, signal: AbortSignal): Promise<ResultRecord> {
    const known = await this.read(id);
    if (known !== undefined && isReady(known.status)) return known;
    const over = AbortSignal.any([signal, this.#closed.signal]);
    over.throwIfAborted();
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiting.add(resolve));
      over.addEventListener(
        'abort',
        () => {
          waiting.delete(resolve);
          reject(over.reason as Error);
        },
        { once: true },
      );
    });
  }

  forget(id: string): Promise<void> {
    this.#records.delete(id);
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#closed.abort(
      new CeleriacError('ERR_CLOSED', {
        message: 'The test application is closed: no result comes any more.',
      }),
    );
    return Promise.resolve();
  }
}
