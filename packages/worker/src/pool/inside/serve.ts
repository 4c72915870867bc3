/**
 * The life of a child, from within: loads the modules that register handlers, then runs the tasks it is given, one at
 * a time. Decides nothing about messages, and connects to nothing.
 */
import { randomUUID } from 'node:crypto';

import {
  BrokerEventSender,
  type Config,
  loadValidator,
  openSentEvents,
  type LogFields,
  type Logger,
  type LogLevel,
  type Outcome,
  parseJson,
  producerName,
  serviceName,
  stringifyJson,
  systemClock,
} from '@celeriac/core';

import { signatureSender } from '../../canvas/open-follow-ups.js';
import type { FindBuiltIn } from '../../built-in-tasks.js';
import { Cancellation } from '../../cancellation.js';
import type { ContextParts } from '../../context.js';
import { execute, fenced } from '../../execute.js';
import type { RegisteredTask } from '../../handlers.js';
import { builtInsOf, prepareMessage, type PrepareTaskParts, taskFor } from '../../prepare-task.js';
import { createWorker } from '../../create-worker.js';
import { tasksOf } from '../../worker.js';
import type { SentOutcome, ToChild } from '../protocol.js';
import { fromThrown, sendable, type Thrown, toThrown } from '../thrown.js';
import type { ParentPort } from './port.js';
import { Calls, RemoteChords, RemoteDeclarer, RemoteSink, RemoteTransient } from './remote-broker.js';
import { RemoteKeyStore } from './remote-key-store.js';

type Setup = Extract<ToChild, { op: 'setup' }>;
type Run = Extract<ToChild, { op: 'run' }>;

export function serve(port: ParentPort): void {
  const calls = new Calls(port);
  const running = new Map<number, Cancellation>();
  let parts: Promise<ChildParts> | undefined;
  process.on('uncaughtExceptionMonitor', (error) => port.send({ op: 'dying', error: toThrown(error) }));
  port.listen((message) => {
    switch (message.op) {
      case 'setup':
        parts = setUp(message, { port, calls });
        parts.then(
          () => port.send({ op: 'ready', memory: port.memory() }),
          (error: unknown) => {
            port.send({ op: 'unfit', error: toThrown(error) });
          },
        );
        return;
      case 'run':
        void parts?.then((all) => runJob(message, { port, running, parts: all }));
        return;
      case 'cancel':
        running.get(message.job)?.cancel(message.by, fromThrown(message.reason));
        return;
      case 'answer':
        calls.answered(message);
        return;
      case 'end':
        port.exit();
    }
  });
}

type ChildParts = PrepareTaskParts & { readonly builtIn: FindBuiltIn };

interface Inside {
  readonly port: ParentPort;
  readonly calls: Calls;
}

async function setUp({ modules, config: sent }: Setup, inside: Inside): Promise<ChildParts> {
  const config = sent as Config;
  const worker = createWorker();
  for (const module of modules) await worker.load(module);
  const parts: PrepareTaskParts = {
    handlers: tasksOf(worker),
    contextParts: contextParts(config, inside),
    validator: await loadValidator(),
    timeZone: config.tasks.time_zone,
    // Limits are the parent's to keep.
    config: { ...config.task_handler, soft_time_limit: undefined, hard_time_limit: undefined },
  };
  return { ...parts, builtIn: builtInsOf(parts) };
}

function contextParts(config: Config, { port, calls }: Inside): ContextParts {
  const common = { config, clock: systemClock, newId: randomUUID };
  const over = (side: 'tasks' | 'events') => ({
    sink: new RemoteSink(calls, side),
    declarer: new RemoteDeclarer(calls, side),
  });
  const keyStore = new RemoteKeyStore(calls);
  const origin = producerName();
  const sink = new RemoteTransient(calls, 'tasks');
  const taskSenderParts = {
    ...common,
    ...over('tasks'),
    origin,
    keyStore: { open: () => Promise.resolve(keyStore) },
    sentEvents: openSentEvents({ ...common, sink, origin }),
  };
  return {
    logger: remoteLogger(port),
    taskSenderParts,
    workflows: signatureSender(taskSenderParts, () => Promise.resolve(new RemoteChords(calls))),
    eventSender: new BrokerEventSender({ ...common, ...over('events'), source: serviceName(config) }),
    progress: () => undefined,
    sent: () => undefined,
  };
}

interface JobParts {
  readonly port: ParentPort;
  readonly running: Map<number, Cancellation>;
  readonly parts: ChildParts;
}

async function runJob(run: Run, { port, running, parts }: JobParts): Promise<void> {
  const { job, message, queue, redelivered, fencing } = run;
  const cancellation = new Cancellation();
  running.set(job, cancellation);
  port.send({ op: 'started', job });
  const progress = (_of: unknown, value: unknown): void =>
    port.send({ op: 'progress', job, value: sendable(value) });
  const sent = (_by: string, id: string): void => port.send({ op: 'sent', job, id });
  const contextParts = { ...parts.contextParts, progress, sent };
  const { logger } = contextParts;
  const found = taskFor(message, {}, parts);
  const outcome: Outcome = 'outcome' in found ? found.outcome : await ranOutcome(found.task);
  running.delete(job);
  port.send({ op: 'done', job, outcome: sentOutcome(outcome, logger), memory: port.memory() });

  async function ranOutcome(task: RegisteredTask): Promise<Outcome> {
    const given = { delivery: { queue, redelivered, properties: {} }, parts: { ...parts, contextParts } };
    const prepared = await prepareMessage(message, task, given);
    if ('outcome' in prepared) return prepared.outcome;
    return execute(fenced(prepared.work, fencing), cancellation, { clock: systemClock, logger });
  }
}

function sentOutcome(outcome: Outcome, logger: Logger): SentOutcome {
  switch (outcome.kind) {
    case 'succeeded':
      return { kind: 'succeeded', ...sentValue(outcome.value) };
    case 'checkpointed':
      return outcome;
    case 'replaced':
      return { kind: 'replaced' };
    case 'aborted':
      return { kind: 'aborted', by: outcome.by, error: toThrown(outcome.error) };
    case 'malformed':
      return { kind: 'malformed', reason: outcome.reason, error: toThrown(outcome.error) };
    case 'failed':
    case 'timedOut':
    case 'revoked':
    case 'unknown':
    case 'invalid':
    case 'expired':
      return { kind: outcome.kind, error: toThrown(outcome.error) };
    default:
      logger.error('an outcome that a child cannot have', { outcome: outcome.kind });
      return { kind: 'failed', error: toThrown(new Error(`unexpected outcome ${outcome.kind}`)) };
  }
}

/** A value that cannot be cloned travels as JSON carries it; what JSON cannot carry either, with the reason. */
function sentValue(value: unknown): { readonly value: unknown; readonly valueError?: Thrown } {
  try {
    return { value: structuredClone(value) };
  } catch {
    try {
      return { value: parseJson(stringifyJson(value, 'result')) };
    } catch (error) {
      return { value: sendable(value), valueError: toThrown(error) };
    }
  }
}

/** Lines are written by the parent, with its level and format. */
function remoteLogger(port: ParentPort): Logger {
  const log =
    (level: LogLevel) =>
    (message: string, all: LogFields = {}): void => {
      const { error, ...rest } = all;
      const fields = sendable(rest) as Record<string, unknown>;
      const sent = error === undefined ? { fields } : { fields, error: toThrown(error) };
      port.send({ op: 'log', level, message, fields: sent });
    };
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
}
