/**
 * How what exists differs from what is needed. Asks passively first, so that nothing is created; what exists is then
 * declared as it should be, which changes nothing: the broker refuses with 406 and names the first difference. That one
 * is granted, and the rest asked for. Bindings cannot be asked for over AMQP 0-9-1.
 */
import type { Channel } from 'amqplib';

import type { Clock } from '../clock.js';
import { errorText, isCeleriacError } from '../errors.js';
import { type Inequivalence, inequivalentArgument, presentValue, replyCode } from './channel-error.js';
import { DeclareChannel } from './declare-channel.js';
import { understoodArguments } from './server-version.js';
import type { Session } from './session.js';
import type { ExchangeSpec, QueueSpec } from './topology.js';

export type Found =
  | { readonly state: 'missing' }
  /** The user may not look at it, or it belongs to another connection. */
  | { readonly state: 'refused'; readonly why: string }
  | FoundThere;

export interface FoundThere {
  readonly state: 'exists';
  readonly differences: readonly Inequivalence[];
  /** Why there may be more differences than these; undefined: there are none. */
  readonly unseen?: string;
  /** Of a queue: messages that wait, and consumers. */
  readonly messages?: number;
  readonly consumers?: number;
}

export interface ProbeOptions {
  readonly session: Session;
  readonly clock: Clock;
  /** How long the connection may take. */
  readonly timeoutMs: number;
}

/** More differences than anything has arguments. */
const mostDifferences = 32;

interface Declared {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly arguments: Readonly<Record<string, unknown>>;
}

interface Question {
  readonly check: (channel: Channel) => Promise<Partial<Counts>>;
  readonly assert: (channel: Channel, declared: Declared) => Promise<unknown>;
  readonly wanted: Declared;
}

interface Counts {
  readonly messageCount: number;
  readonly consumerCount: number;
}

/** Names of the broker's 406 that are no arguments, as amqplib has them. */
const fieldNames: Readonly<Record<string, string>> = {
  durable: 'durable',
  auto_delete: 'autoDelete',
  internal: 'internal',
  type: 'type',
};

export class TopologyProbe {
  #options: ProbeOptions;

  constructor(options: ProbeOptions) {
    this.#options = options;
  }

  queue({ name, arguments: wanted }: QueueSpec): Promise<Found> {
    return this.#ask((version) => ({
      check: (channel) => channel.checkQueue(name),
      assert: (channel, { fields, arguments: args }) =>
        channel.assertQueue(name, { ...fields, arguments: args }),
      wanted: { fields: { durable: true }, arguments: understoodArguments(wanted, version).understood },
    }));
  }

  exchange({ name, type, isTransient = false }: ExchangeSpec): Promise<Found> {
    return this.#ask(() => ({
      check: (channel) => channel.checkExchange(name),
      assert: (channel, { fields: { type: kind, ...fields }, arguments: args }) =>
        channel.assertExchange(name, String(kind), { ...fields, arguments: args }),
      wanted: { fields: { durable: !isTransient, type }, arguments: {} },
    }));
  }

  /** Messages that wait in a queue; undefined where there is none, or it is not for us. */
  async waiting(queue: string): Promise<number | undefined> {
    const { session, clock, timeoutMs } = this.#options;
    const channels = new DeclareChannel(await session.ready({ timeoutMs }), clock);
    try {
      return (await channels.run((channel) => channel.checkQueue(queue))).messageCount;
    } catch (error) {
      refusal(error);
      return undefined;
    } finally {
      channels.close();
    }
  }

  async #ask(question: (version: string | undefined) => Question): Promise<Found> {
    const { session, clock, timeoutMs } = this.#options;
    const channels = new DeclareChannel(await session.ready({ timeoutMs }), clock);
    try {
      return await compare(channels, question(channels.serverVersion));
    } finally {
      channels.close();
    }
  }
}

async function compare(channels: DeclareChannel, { check, assert, wanted }: Question): Promise<Found> {
  const differences: Inequivalence[] = [];
  let declared = wanted;
  for (;;) {
    let counts: Partial<Counts>;
    try {
      counts = await channels.run(check); // again every time: it may have been deleted meanwhile
    } catch (error) {
      return absent(error);
    }
    const { messageCount: messages, consumerCount: consumers } = counts;
    const found = {
      state: 'exists',
      differences,
      ...(messages === undefined ? {} : { messages }),
      ...(consumers === undefined ? {} : { consumers }),
    } as const;
    try {
      const asked = declared;
      await channels.run((channel) => assert(channel, asked));
      return found;
    } catch (error) {
      const text = refusal(error);
      const difference = inequivalentArgument(text);
      const isKnown = differences.some(({ argument }) => argument === difference?.argument);
      if (difference === undefined || isKnown || differences.length >= mostDifferences)
        return { ...found, unseen: text };
      differences.push(difference);
      declared = granted(declared, difference.argument, presentValue(text));
    }
  }
}

/** What the broker answered; anything else that went wrong is thrown on. */
function refusal(error: unknown): string {
  if ((error as { code?: unknown }).code === undefined || isOurs(error)) throw error;
  return errorText(error);
}

function isOurs(error: unknown): boolean {
  return isCeleriacError(error) || typeof (error as { code?: unknown }).code === 'string'; // ECONNRESET and the like
}

function absent(error: unknown): Found {
  const why = refusal(error);
  const { code } = error as { code?: unknown };
  if (code === replyCode.notFound) return { state: 'missing' };
  return { state: 'refused', why };
}

function granted({ fields, arguments: args }: Declared, argument: string, value: unknown): Declared {
  const field = fieldNames[argument];
  if (field !== undefined) return { fields: { ...fields, [field]: value }, arguments: args };
  const { [argument]: _differs, ...others } = args;
  return { fields, arguments: value === undefined ? others : { ...others, [argument]: value } };
}
