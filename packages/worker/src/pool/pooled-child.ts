/**
 * One child of a pool: sets it up, gives it one job at a time, carries its log lines and calls, and ends it when it
 * is over a limit. Never runs two jobs at once, and never decides what becomes of a message.
 */
import {
  CeleriacError,
  type Clock,
  isRepeated,
  type Logger,
  type Outcome,
  type TaskMessage,
  type Timer,
} from '@celeriac/core';

import type { CancelledBy } from '../cancellation.js';
import { startDeadline } from '../execute.js';
import type { Work } from '../work.js';
import type { Answer } from './answer.js';
import type { Child, ChildEnd } from './child.js';
import { type KilledFor, outcomeOfEnd } from './ends.js';
import type { RunWith } from './pool.js';
import type { FromChild, SentOutcome, ToChild } from './protocol.js';
import { fromThrown, toThrown } from './thrown.js';

export interface PooledChildParts {
  readonly setup: Extract<ToChild, { op: 'setup' }>;
  readonly answer: Answer;
  /** A task says how far it is. */
  readonly progress: (work: Work, given: RunWith, value: unknown) => void;
  readonly sent: (work: Work, child: string) => void;
  readonly maxMemory: number | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
}

interface Job {
  readonly number: number;
  readonly work: Work;
  readonly given: RunWith;
  isStarted: boolean;
  readonly finish: (ending: Outcome | 'notBegun') => void;
}

/** How long a child may take until it can work. */
const startMs = 60_000;
/** How long an idle child has to end by itself. */
const endMs = 2_000;
/** How long a task has to end by itself that was cancelled, and one that was told to stop because its delivery is lost. */
const heedMs = { revoked: 1_000, lost: 5_000 } as const;
/** Between two looks at its memory. */
const lookMs = 200;

export class PooledChild {
  readonly ended: Promise<ChildEnd>;
  readonly ready: Promise<void>;
  done = 0;
  memory: number | undefined;
  #child: Child;
  #parts: PooledChildParts;
  #job: Job | undefined;
  #killedFor: KilledFor;
  #lastWords: unknown;
  #isOver = false;
  #settleReady: { resolve: () => void; reject: (error: CeleriacError) => void } | undefined;

  constructor(child: Child, parts: PooledChildParts) {
    this.#child = child;
    this.#parts = parts;
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject };
    });
    const timer = parts.clock.after(startMs, () => child.kill());
    void this.ready.catch(() => undefined).then(() => timer.cancel());
    this.ended = child.ended.then((end) => this.#over(end));
    child.listen((message) => this.#hear(message));
    child.send(parts.setup);
  }

  get id(): number {
    return this.#child.id;
  }

  /** The id of the message whose task it runs. */
  get task(): string | undefined {
    return this.#job?.work.id;
  }

  /** False once it has ended, or was told to. */
  get isAlive(): boolean {
    return !this.#isOver && this.#killedFor === undefined;
  }

  /** Resolves with how it ended, or `notBegun` when the child was gone before it began. Never rejects. */
  run(work: Work, given: RunWith): Promise<Outcome | 'notBegun'> {
    if (!this.isAlive) return Promise.resolve('notBegun');
    const { clock, maxMemory, logger } = this.#parts;
    const { cancellation, delivery, fencing } = given;
    const number = this.done;
    const { queue } = delivery;
    const redelivered = isRepeated(delivery);
    const message = work.message as TaskMessage;
    const { signal } = cancellation;
    const timers: Timer[] = [
      ...(work.softLimitMs === undefined ? [] : [startDeadline(work, cancellation, { clock, logger })]),
      ...(work.hardLimitMs === undefined
        ? []
        : [clock.after(work.hardLimitMs, () => this.#kill('hardLimit'))]),
    ];
    const cancel = (): void => {
      const by = cancellation.by as CancelledBy;
      // It does for nothing what it still does, and takes the place of others.
      if (by === 'lost' || by === 'revoked') timers.push(clock.after(heedMs[by], () => this.#kill(by)));
      this.#child.send({ op: 'cancel', job: number, by, reason: toThrown(signal.reason) });
    };
    const watching = new AbortController();
    if (maxMemory !== undefined) void this.#watchMemory(maxMemory, watching.signal);
    return new Promise<Outcome | 'notBegun'>((resolve) => {
      this.#job = { number, work, given, isStarted: false, finish: resolve };
      this.#child.send({ op: 'run', job: number, message, queue, redelivered, fencing });
      signal.addEventListener('abort', cancel, { once: true });
      if (signal.aborted) cancel();
    }).finally(() => {
      signal.removeEventListener('abort', cancel);
      watching.abort();
      for (const timer of timers) timer.cancel();
    });
  }

  /** Ends it at once when it is busy, else gently. Resolves when it is gone. */
  async close(): Promise<void> {
    if (this.#job === undefined) await this.retire();
    else this.#kill('close');
    await this.ended;
  }

  /** Ends an idle child. */
  async retire(): Promise<void> {
    if (this.#isOver) return;
    this.#killedFor ??= 'close';
    this.#child.send({ op: 'end' });
    const timer = this.#parts.clock.after(endMs, () => this.#child.kill());
    await this.ended;
    timer.cancel();
  }

  #kill(why: KilledFor): void {
    this.#killedFor ??= why;
    this.#child.kill();
  }

  #hear(message: FromChild): void {
    const job = this.#job;
    switch (message.op) {
      case 'ready':
        this.#isReady(message.memory);
        return;
      case 'unfit':
        this.#unfit(cannotStart(fromThrown(message.error)));
        return;
      case 'started':
        if (job?.number === message.job) job.isStarted = true;
        return;
      case 'progress':
        if (job?.number === message.job) this.#parts.progress(job.work, job.given, message.value);
        return;
      case 'sent':
        if (job?.number === message.job) this.#parts.sent(job.work, message.id);
        return;
      case 'log': {
        const { fields, error } = message.fields;
        const all = error === undefined ? fields : { ...fields, error: fromThrown(error) };
        this.#parts.logger[message.level](message.message, all);
        return;
      }
      case 'call':
        void this.#answered(message).then(({ value, error }) => {
          const answer = { op: 'answer', call: message.call } as const;
          this.#child.send(
            error === undefined ? { ...answer, value } : { ...answer, error: toThrown(error) },
          );
        });
        return;
      case 'dying':
        this.#lastWords = fromThrown(message.error);
        return;
      case 'done':
        if (job?.number === message.job) this.#finish(job, message);
    }
  }

  /** Says no where it does not know yet that its delivery is lost. */
  #answered({ side, ask }: Extract<FromChild, { op: 'call' }>): ReturnType<Answer> {
    const lost = this.#job?.given.cancellation.lost;
    return ask.what === 'publish' && lost !== undefined
      ? Promise.resolve({ error: lost })
      : this.#parts.answer(side, ask);
  }

  #isReady(memory: number): void {
    const { maxMemory = Infinity } = this.#parts;
    if (memory > maxMemory) this.#unfit(tooSmall(maxMemory, memory));
    else this.#settleReady?.resolve();
  }

  #unfit(error: CeleriacError): void {
    this.#settleReady?.reject(error);
    this.#kill('close');
  }

  #finish(job: Job, { outcome, memory }: Extract<FromChild, { op: 'done' }>): void {
    this.#job = undefined;
    this.done++;
    this.memory = memory;
    job.finish(received(outcome, job.work));
  }

  #over(end: ChildEnd): ChildEnd {
    this.#isOver = true;
    this.#settleReady?.reject(cannotStart(this.#lastWords ?? end.error, end));
    const job = this.#job;
    this.#job = undefined;
    if (job === undefined) return end;
    const { work, given, isStarted } = job;
    const { maxMemory } = this.#parts;
    const facts = { end, killedFor: this.#killedFor, lastWords: this.#lastWords, maxMemory };
    if (!isStarted && this.#killedFor === undefined) job.finish('notBegun');
    else job.finish(outcomeOfEnd(work, { ...facts, cancelledBy: given.cancellation.by }));
    return end;
  }

  async #watchMemory(most: number, done: AbortSignal): Promise<void> {
    for (;;) {
      const held = await this.#child.memory();
      if (done.aborted) return;
      if (held !== undefined && held > most) {
        this.#kill('memory');
        return;
      }
      await this.#parts.clock.sleep(lookMs, done);
    }
  }
}

function received(outcome: SentOutcome, work: Work): Outcome {
  if (outcome.kind === 'checkpointed') return outcome;
  if (outcome.kind === 'succeeded') {
    const { value, valueError } = outcome;
    return {
      kind: 'succeeded',
      value,
      ...(valueError === undefined ? {} : { valueError: fromThrown(valueError) }),
    };
  }
  if (outcome.kind === 'replaced') return outcome;
  const error = fromThrown(outcome.error);
  switch (outcome.kind) {
    case 'timedOut':
      return { kind: 'timedOut', error, limitMs: work.softLimitMs ?? 0 };
    case 'aborted':
      return { kind: 'aborted', error, by: outcome.by ?? 'shutdown' };
    case 'revoked':
      return { kind: 'revoked', error, terminated: true };
    case 'malformed':
      return { kind: 'malformed', error, reason: outcome.reason ?? 'bad-field' };
    default:
      return { kind: outcome.kind, error };
  }
}

function cannotStart(cause: unknown, end?: ChildEnd): CeleriacError {
  const how = end === undefined ? '' : ` (exit code ${end.code ?? 'none'}, signal ${end.signal ?? 'none'})`;
  return new CeleriacError('ERR_POOL_START', {
    message: `A thread or process of the pool could not start${how}.`,
    hint: 'Look at the cause: most often a module with handlers that does not load there.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Else it would be killed with every task. */
function tooSmall(maxMemory: number, memory: number): CeleriacError {
  return new CeleriacError('ERR_POOL_START', {
    message: `A thread or process of the pool holds ${memory} bytes before its first task, more than its max_memory of ${maxMemory}.`,
    hint: 'Raise max_memory, or load less in the modules with handlers.',
    values: { memory, limit: maxMemory },
  });
}
