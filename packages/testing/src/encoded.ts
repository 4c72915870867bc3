/** Messages as a publisher would send them, caught before they go anywhere. */
import { randomUUID } from 'node:crypto';

import {
  BrokerEventSender,
  BrokerTaskSender,
  type Clock,
  type Config,
  type EventContract,
  type OutgoingMessage,
  producerName,
  type PublishEventOptions,
  type PublishOptions,
  type SendOptions,
  serviceName,
  type TaskContract,
} from '@celeriac/core';

import { allDeclared } from './recording-sink.js';
import { carried, type WireMessage } from './wire.js';

interface Encoding {
  readonly config: Config;
  readonly clock: Clock;
}

/** Rejects as `send` does. */
export async function encodedTask(
  { config, clock }: Encoding,
  call: { task: TaskContract | string; input: unknown; options: SendOptions },
): Promise<WireMessage> {
  const catching = new CatchingSink(config);
  const common = { config, clock, sink: catching, declarer: allDeclared, newId: randomUUID };
  const sender = new BrokerTaskSender({ ...common, origin: producerName() });
  await sender.send(call.task, call.input, call.options);
  return catching.caught;
}

/** Rejects as `publishEvent` does. */
export async function encodedEvent(
  { config, clock }: Encoding,
  call: { event: EventContract | string; data: unknown; options: PublishEventOptions },
): Promise<WireMessage> {
  const catching = new CatchingSink(config);
  const common = { config, clock, sink: catching, declarer: allDeclared, newId: randomUUID };
  const sender = new BrokerEventSender({ ...common, source: serviceName(config) });
  await sender.publishEvent(call.event, call.data, call.options);
  return catching.caught;
}

class CatchingSink {
  #config: Config;
  #caught: WireMessage | undefined;

  constructor(config: Config) {
    this.#config = config;
  }

  get caught(): WireMessage {
    return this.#caught as WireMessage;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- what it throws is to be a rejection, as of a sink
  async publish(message: OutgoingMessage, options: PublishOptions = {}): Promise<void> {
    this.#caught = carried(message, options, { maxBytes: this.#config.tasks.max_message_size });
  }
}
