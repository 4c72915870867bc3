/**
 * Expectations about what was sent and published. They throw node's own AssertionError, which every test runner
 * shows, and list what was there instead. Depend on no assertion library.
 */
import { AssertionError } from 'node:assert';

import {
  type Config,
  type EventContract,
  eventType,
  type ObjectChange,
  type TaskContract,
} from '@celeriac/core';

import { differences, type Expected, shown } from './matching.js';
import type { Outbox, PublishedEvent, SentBy, SentTask } from './outbox.js';

export interface ExpectOptions {
  /** Exactly so often. Default: at least once. */
  readonly times?: number;
}

/** Anything that remembers what was sent: `testApp` and `testPublisher`. */
export interface Expectations {
  /** Tasks that were sent, in order. */
  readonly sent: readonly SentTask[];
  /** Events that were published, in order. */
  readonly published: readonly PublishedEvent[];
  /** Gives the first that fits; throws AssertionError, listing what was sent, when none or not `times` do. */
  expectSent<Input>(
    task: TaskContract<Input, unknown, unknown>,
    input?: Expected<NoInfer<Input>>,
    options?: ExpectOptions,
  ): SentTask<Input>;
  expectSent(task: string, input?: unknown, options?: ExpectOptions): SentTask;
  /** As `expectSent`. By contract `change` is what was published; by type it is the event's data. */
  expectPublished<Values>(
    event: EventContract<Values, unknown>,
    change?: Expected<ObjectChange<NoInfer<Values>>>,
    options?: ExpectOptions,
  ): PublishedEvent<Values>;
  expectPublished(type: string, data?: unknown, options?: ExpectOptions): PublishedEvent;
  /** Throws AssertionError when a task was sent; with `task`, when that one was. */
  expectNothingSent(task?: TaskContract | string): void;
  /** Throws AssertionError when an event was published; with `event`, when that one was. */
  expectNothingPublished(event?: EventContract | string): void;
  /** Forgets what was sent and published so far. */
  clear(): void;
}

/** One thing that was sent, as an expectation sees it. */
interface Item<T> {
  readonly record: T;
  readonly name: string;
  /** What is compared. */
  readonly value: unknown;
  /** Where it went, and from whom. */
  readonly details: string;
}

interface Wanted {
  readonly name: string | undefined;
  readonly value: unknown;
  readonly times: number | undefined;
}

/** What is being talked about: 'sent' of tasks, 'published' of events. */
interface Words {
  readonly verb: string;
  readonly noun: string;
}

const taskWords: Words = { verb: 'sent', noun: 'task' };
const eventWords: Words = { verb: 'published', noun: 'event' };

/** Remembers, and answers for what it remembers. */
export class Recorder implements Expectations {
  #outbox: Outbox;
  #config: Config;

  constructor(outbox: Outbox, config: Config) {
    this.#outbox = outbox;
    this.#config = config;
  }

  get sent(): readonly SentTask[] {
    return this.#outbox.sent;
  }

  get published(): readonly PublishedEvent[] {
    return this.#outbox.published;
  }

  expectSent<Input>(
    task: TaskContract<Input, unknown, unknown>,
    input?: Expected<NoInfer<Input>>,
    options?: ExpectOptions,
  ): SentTask<Input>;
  expectSent(task: string, input?: unknown, options?: ExpectOptions): SentTask;
  expectSent(task: TaskContract | string, value?: unknown, { times }: ExpectOptions = {}): SentTask {
    const name = typeof task === 'string' ? task : task.name;
    return found(this.#outbox.sent.map(taskItem), { name, value, times }, taskWords);
  }

  expectPublished<Values>(
    event: EventContract<Values, unknown>,
    change?: Expected<ObjectChange<NoInfer<Values>>>,
    options?: ExpectOptions,
  ): PublishedEvent<Values>;
  expectPublished(type: string, data?: unknown, options?: ExpectOptions): PublishedEvent;
  expectPublished(
    event: EventContract | string,
    value?: unknown,
    { times }: ExpectOptions = {},
  ): PublishedEvent {
    const item = typeof event === 'string' ? dataItem : changeItem;
    return found(this.#outbox.published.map(item), { name: this.#type(event), value, times }, eventWords);
  }

  expectNothingSent(task?: TaskContract | string): void {
    const name = task === undefined || typeof task === 'string' ? task : task.name;
    nothing(this.#outbox.sent.map(taskItem), name, taskWords);
  }

  expectNothingPublished(event?: EventContract | string): void {
    const name = event === undefined ? undefined : this.#type(event);
    nothing(this.#outbox.published.map(dataItem), name, eventWords);
  }

  clear(): void {
    this.#outbox.clear();
  }

  #type(event: Pick<EventContract, 'object' | 'action'> | string): string {
    if (typeof event === 'string') return event;
    return eventType(this.#config.events.routing_key, event.object, event.action);
  }
}

function taskItem(record: SentTask): Item<SentTask> {
  const { task: name, input: value, queue, by } = record;
  return { record, name, value, details: ` to '${queue}'${byWhom(by)}` };
}

function changeItem(record: PublishedEvent): Item<PublishedEvent> {
  const { objectId: id, values, originalValues } = record;
  const value = {
    ...(id === undefined ? {} : { id }),
    ...(values === undefined ? {} : { values }),
    ...(originalValues === undefined ? {} : { originalValues }),
  };
  return { record, name: record.type, value, details: byWhom(record.by) };
}

function dataItem(record: PublishedEvent): Item<PublishedEvent> {
  return { record, name: record.type, value: record.data, details: byWhom(record.by) };
}

function byWhom(by: SentBy | undefined): string {
  return by === undefined ? '' : ` by ${by.name} (${by.id})`;
}

function found<T>(items: readonly Item<T>[], wanted: Wanted, words: Words): T {
  const fitting = items.filter(
    ({ name, value }) => name === wanted.name && differences(wanted.value, value).length === 0,
  );
  const [first] = fitting;
  const isEnough = wanted.times === undefined ? first !== undefined : fitting.length === wanted.times;
  if (isEnough) return first?.record as T;
  const times = wanted.times === undefined ? '' : ` ${wanted.times} times, not ${fitting.length}`;
  const what = wanted.value === undefined ? '' : ` with ${shownExpected(wanted.value)}`;
  throw new AssertionError({
    message: `Expected '${wanted.name ?? ''}' to be ${words.verb}${times}${what}.\n${listing(items, wanted, words)}`,
    actual: items.map(({ name, value }) => ({ name, value })),
    expected: [{ name: wanted.name, value: wanted.value }],
    operator: words === taskWords ? 'expectSent' : 'expectPublished',
    stackStartFn: found,
  });
}

function nothing(items: readonly Item<unknown>[], name: string | undefined, words: Words): void {
  const there = name === undefined ? items : items.filter((item) => item.name === name);
  if (there.length === 0) return;
  const what = name === undefined ? `no ${words.noun}` : `no '${name}'`;
  const wanted = { name: undefined, value: undefined, times: undefined };
  throw new AssertionError({
    message: `Expected ${what} to be ${words.verb}.\n${listing(there, wanted, words)}`,
    actual: there.map((item) => ({ name: item.name, value: item.value })),
    expected: [],
    operator: words === taskWords ? 'expectNothingSent' : 'expectNothingPublished',
    stackStartFn: nothing,
  });
}

const shownItems = 20;

/** What was there; beside the ones of the wanted name, where they differ. */
function listing(items: readonly Item<unknown>[], wanted: Wanted, { verb, noun }: Words): string {
  if (items.length === 0) return `No ${noun} was ${verb}.`;
  const head = items.length === 1 ? `One ${noun} was ${verb}:` : `${items.length} ${noun}s were ${verb}:`;
  const lines = items.slice(0, shownItems).flatMap(({ name, value, details }) => {
    const line = `  ${name}${value === undefined ? '' : ` ${shown(value)}`}${details}`;
    const differing = name === wanted.name ? differences(wanted.value, value) : [];
    return [line, ...differing.map((difference) => `    ${difference}`)];
  });
  const more = items.length > shownItems ? [`  and ${items.length - shownItems} more`] : [];
  return [head, ...lines, ...more].join('\n');
}

function shownExpected(value: unknown): string {
  return typeof value === 'function' ? 'what the function given accepts' : shown(value);
}
