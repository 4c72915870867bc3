/** What became of one delivery: how its handler ended, what was settled, what it sent. Data, and two expectations. */
import { AssertionError } from 'node:assert';
import { inspect } from 'node:util';

import {
  type DeadLetterReason,
  errorText,
  type HeaderTable,
  type Outcome,
  type Verdict,
} from '@celeriac/core';

import type { PublishedEvent, SentTask } from './outbox.js';

/** How a delivery ended at the broker. */
export type Settlement = 'acked' | 'retried' | 'postponed' | 'dead-lettered' | 'requeued';

/** The copy in the dead-letter queue. */
export interface DeadLetter {
  readonly queue: string;
  readonly reason: DeadLetterReason;
  /** For malformed messages, what is wrong with them: `'not-a-task'`. */
  readonly detail?: string;
  /** With the reason, the error, the worker and the time, under `celeriac-…`. */
  readonly headers: HeaderTable;
  readonly body: Buffer;
}

export interface RunFacts {
  /** Undefined when the message could not be read. */
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly queue: string;
  /** The application that received the event; undefined for tasks. */
  readonly application: string | undefined;
  readonly outcome: Outcome;
  readonly verdict: Verdict;
  readonly settled: Settlement;
  readonly deadLetter: DeadLetter | undefined;
  readonly sent: readonly SentTask[];
  readonly published: readonly PublishedEvent[];
}

export class RunResult<Output = unknown> {
  /** The message's id; undefined when it could not be read. */
  readonly id: string | undefined;
  /** The task's name or the event's type. */
  readonly name: string | undefined;
  readonly queue: string;
  /** The application that received the event; undefined for tasks. */
  readonly application: string | undefined;
  /** How it ended: `'succeeded'`, `'failed'`, `'timedOut'`, `'invalid'`, `'unknown'`, `'malformed'`, `'expired'`… */
  readonly status: Outcome['kind'];
  /** What the handler returned. */
  readonly value: Output | undefined;
  /** What the handler threw, or why it was not run. */
  readonly error: unknown;
  /** What the broker was told. */
  readonly settled: Settlement;
  readonly deadLetter: DeadLetter | undefined;
  /** Tasks and events that the handler sent. */
  readonly sent: readonly SentTask[];
  readonly published: readonly PublishedEvent[];
  /** As the worker judged it. */
  readonly verdict: Verdict;

  constructor({ outcome, ...facts }: RunFacts) {
    this.id = facts.id;
    this.name = facts.name;
    this.queue = facts.queue;
    this.application = facts.application;
    this.status = outcome.kind;
    this.value = outcome.kind === 'succeeded' ? (outcome.value as Output) : undefined;
    this.error = 'error' in outcome ? outcome.error : undefined;
    this.settled = facts.settled;
    this.deadLetter = facts.deadLetter;
    this.sent = facts.sent;
    this.published = facts.published;
    this.verdict = facts.verdict;
  }

  /** What the handler returned. Throws AssertionError, with the handler's error as its cause, when it did not succeed. */
  expectSucceeded(): Output {
    if (this.status === 'succeeded') return this.value as Output;
    throw this.#unlike('succeeded', 'to succeed');
  }

  /** The error it ended with. Throws AssertionError unless it was dead-lettered, with `reason` if one is given. */
  expectDeadLettered(reason?: DeadLetterReason): unknown {
    const isExpected = reason === undefined || this.deadLetter?.reason === reason;
    if (this.settled === 'dead-lettered' && isExpected) return this.error;
    throw this.#unlike(
      reason ?? 'dead-lettered',
      `to be dead-lettered${reason === undefined ? '' : `: ${reason}`}`,
    );
  }

  /** Gives how it goes on; throws AssertionError unless it failed and another attempt waits. */
  expectRetried(): Extract<Verdict, { kind: 'retry' }> {
    if (this.verdict.kind === 'retry') return this.verdict;
    throw this.#unlike('retried', 'to be retried');
  }

  #unlike(expected: string, wish: string): AssertionError {
    const { deadLetter, settled, status, error } = this;
    const became = deadLetter === undefined ? settled : `${settled}: ${deadLetter.reason}`;
    const returned = status === 'succeeded' ? ` and returned ${inspect(this.value)}` : '';
    const because = error === undefined ? '' : `\n${errorText(error)}`;
    const failure = new AssertionError({
      message: `Expected '${this.name ?? 'a message that cannot be read'}' ${wish}; it ${status === 'succeeded' ? 'succeeded' : `ended as '${status}'`}${returned} (${became}).${because}`,
      actual: status,
      expected,
      operator: 'expect',
    });
    if (error !== undefined) failure.cause = error;
    return failure;
  }
}

/** What became of one event, in every application it reached. */
export class EventResult {
  readonly id: string;
  readonly type: string;
  /** One for each application whose patterns match, in the order of registration. */
  readonly results: readonly RunResult[];

  constructor(id: string, type: string, results: readonly RunResult[]) {
    this.id = id;
    this.type = type;
    this.results = results;
  }

  /** The applications that received it. */
  get applications(): readonly string[] {
    return this.results.flatMap(({ application }) => application ?? []);
  }

  /** What became of it in one application. Throws AssertionError when it did not reach it. */
  of(application: string): RunResult {
    const result = this.results.find((one) => one.application === application);
    if (result !== undefined) return result;
    const reached =
      this.results.length === 0 ? 'It reached none.' : `It reached ${this.applications.join(', ')}.`;
    throw new AssertionError({
      message: `Expected '${this.type}' to reach the application '${application}'. ${reached}`,
      actual: this.applications,
      expected: [application],
      operator: 'of',
    });
  }

  /** Throws AssertionError when it reached no application, or when it did not succeed in one. */
  expectSucceeded(): void {
    for (const result of this.results) result.expectSucceeded();
    if (this.results.length > 0) return;
    throw new AssertionError({
      message: `Expected '${this.type}' to reach an application; no pattern matches it.`,
      actual: [],
      operator: 'expectSucceeded',
    });
  }
}
