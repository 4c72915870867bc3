/**
 * The catalogue of events: an AsyncAPI document made from contracts. Pure; holds no address of a broker.
 *
 * Source: AsyncAPI 3.0.0; its AMQP bindings 0.3.0; CloudEvents 1.0.2 and its JSON format for what a message is.
 */
import { type Config, type EventContract, eventType, type Schema } from '@celeriac/core';

/** A JSON Schema, or any other object of the document. */
export type Node = Readonly<Record<string, unknown>>;

export interface Catalogue {
  readonly asyncapi: '3.0.0';
  readonly info: { readonly title: string; readonly version: string };
  readonly defaultContentType: string;
  readonly channels: Readonly<Record<string, Node>>;
  readonly operations: Readonly<Record<string, Node>>;
  readonly components: {
    readonly messages: Readonly<Record<string, Node>>;
    readonly schemas: Readonly<Record<string, unknown>>;
  };
}

export interface CatalogueInfo {
  readonly title: string;
  readonly version: string;
}

const contentType = 'application/cloudevents+json';

/** Sorted by event. Throws ERR_CONTRACT_INVALID for an object that is no routing word. */
export function catalogueOf(
  contracts: readonly EventContract[],
  { events }: Pick<Config, 'events'>,
  info: CatalogueInfo,
): Catalogue {
  const schemas = new Schemas();
  const channels: Record<string, Node> = {};
  const operations: Record<string, Node> = {};
  const messages: Record<string, Node> = {};
  const sorted = contracts
    .map((contract) => ({ contract, key: keyOf(`${contract.object}.${contract.action}`) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const { contract, key } of sorted) {
    const address = eventType(events.routing_key, contract.object, contract.action);
    const exchange = { name: events.exchange, type: 'topic', durable: true, autoDelete: false };
    channels[key] = {
      address,
      messages: { [key]: { $ref: `#/components/messages/${key}` } },
      bindings: { amqp: { is: 'routingKey', exchange, bindingVersion: '0.3.0' } },
    };
    operations[`publish.${key}`] = {
      action: 'send',
      channel: { $ref: `#/channels/${key}` },
      messages: [{ $ref: `#/channels/${key}/messages/${key}` }],
    };
    messages[key] = { name: address, contentType, payload: payloadOf(contract, address, schemas) };
  }
  return {
    asyncapi: '3.0.0',
    info,
    defaultContentType: contentType,
    channels,
    operations,
    components: { messages, schemas: schemas.all },
  };
}

/** AsyncAPI's names of components are ASCII; objects need not be. */
function keyOf(name: string): string {
  return name.replace(/[^\w.-]/gu, (one) => `-${one.codePointAt(0)?.toString(16) ?? ''}-`);
}

function payloadOf(contract: EventContract, address: string, schemas: Schemas): Node {
  const { action, dataSchema } = contract;
  const text = { type: 'string', minLength: 1 };
  return {
    type: 'object',
    required: ['specversion', 'id', 'source', 'type', 'data'],
    properties: {
      specversion: { const: '1.0' },
      id: text,
      source: text,
      type: { const: address },
      time: { type: 'string', format: 'date-time' },
      subject: text,
      datacontenttype: { const: 'application/json' },
      ...(dataSchema === undefined
        ? {}
        : { dataschema: { type: 'string', format: 'uri', examples: [dataSchema] } }),
      data: {
        type: 'object',
        required: contract.values === undefined || action === 'delete' ? ['id'] : ['id', 'values'],
        properties: {
          id: { type: ['string', 'integer'] },
          values: contract.values === undefined ? {} : schemas.ref(contract.values, contract),
          ...(action === 'update' ? { original_values: { type: 'object' } } : {}),
        },
      },
    },
  };
}

/** The schemas of values, each once: events of a family share one. */
class Schemas {
  readonly all: Record<string, unknown> = {};
  #keys = new Map<Schema, string>();

  ref(schema: Schema, { object, action }: EventContract): Node {
    const known = this.#keys.get(schema);
    const key = known ?? keyOf(Object.hasOwn(this.all, keyOf(object)) ? `${object}.${action}` : object);
    if (known === undefined) {
      this.#keys.set(schema, key);
      this.all[key] = within(jsonSchemaOf(schema), `#/components/schemas/${key}`);
    }
    return { $ref: `#/components/schemas/${key}` };
  }
}

interface Convertible {
  readonly '~standard'?: {
    readonly jsonSchema?: { input(options: { readonly target: string }): unknown };
  };
}

/**
 * As JSON Schema, of what is written to the wire. A Standard Schema converts itself, where its library can; else
 * nothing is known of it.
 */
function jsonSchemaOf(schema: Schema): unknown {
  const standard = (schema as Convertible)['~standard'];
  if (standard === undefined) return JSON.parse(JSON.stringify(schema)) as unknown; // without symbols and the like
  try {
    return standard.jsonSchema?.input({ target: 'draft-07' }) ?? {};
  } catch {
    return {}; // it holds what JSON Schema cannot say
  }
}

/** The schema as a part of the document: its local references are led to where it is now. */
function within(schema: unknown, place: string): unknown {
  if (Array.isArray(schema)) return schema.map((one) => within(one, place));
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).filter(([name]) => name !== '$schema' && name !== '$id');
  return Object.fromEntries(
    entries.map(([name, value]: [string, unknown]) => [
      name,
      name === '$ref' && typeof value === 'string' && value.startsWith('#')
        ? `${place}${value.slice(1)}`
        : within(value, place),
    ]),
  );
}
