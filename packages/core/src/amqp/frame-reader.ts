/**
 * Reads content-header frames in amqplib's place, so that no header table can cost the connection. amqplib
 * throws on a type tag it does not know (py-amqp writes `L` for integers beyond 32 bits), which closes the
 * connection, returns the message to the queue's head and repeats for ever (ADR 0003). Ours never throws: a
 * table that cannot be read arrives as an error beside its raw bytes. All other frames stay amqplib's.
 */
import { CeleriacError } from '../errors.js';
import type { HeaderTable, MessageProperties } from '../ports.js';
import { readTable, recurringString, shortString, TableReader } from './table-reader.js';

const frameHeaderBytes = 7;
const frameEnd = 0xce;
const headerFrame = 2;
/** AMQP class `basic`, the only one with content. */
const basicClass = 60;
/** Size, then flags: what precedes the properties inside a header frame. */
const propertyFlagsAt = 12;

/** The properties of a received message. A class, so that a consumer can see they were read here. */
export class ReceivedProperties implements MessageProperties {
  contentType?: string;
  contentEncoding?: string;
  headers: HeaderTable = emptyTable;
  deliveryMode?: number;
  priority?: number;
  correlationId?: string;
  replyTo?: string;
  expiration?: string;
  messageId?: string;
  timestamp?: number;
  type?: string;
  userId?: string;
  appId?: string;
  clusterId?: string;
  /** Why the header table could not be read. */
  headerError?: string;
  /** The table's own bytes, when it could not be read. */
  rawHeaders?: Buffer;
  #wire: Buffer | undefined;

  /** All of it as it came, flags first, for `readProperties` elsewhere. */
  get wire(): Buffer | undefined {
    return this.#wire;
  }

  set wire(bytes: Buffer | undefined) {
    this.#wire = bytes;
  }
}

const emptyTable: HeaderTable = Object.freeze(Object.create(null) as Record<string, unknown>);

/** What this file uses of amqplib's Connection. Checked when it is installed. */
interface FrameSource {
  rest: Buffer;
  recvFrame: () => unknown;
}

/** Puts our reader in front of the connection's own. Throws ERR_AMQPLIB_INCOMPATIBLE when amqplib has changed. */
export function installFrameReader(connection: unknown, properties: 'read' | 'raw' = 'read'): void {
  const source = connection as FrameSource;
  const fits = typeof source.recvFrame === 'function' && Buffer.isBuffer(source.rest);
  if (!fits) throw incompatible();
  const readFrame = source.recvFrame.bind(source);
  source.recvFrame = () => takeHeaderFrame(source, properties) ?? readFrame();
  selfTest(readFrame, source.recvFrame);
}

/** The error for an amqplib whose inside is not the one this file was written for. */
export function incompatible(): CeleriacError {
  return new CeleriacError('ERR_AMQPLIB_INCOMPATIBLE', {
    message: 'The installed amqplib does not read frames the way this version of Celeriac expects.',
    hint: 'Install the amqplib version that @celeriac/core names in its package.json.',
  });
}

function selfTest(before: unknown, after: unknown): void {
  // type 2, channel 1, 14 bytes: class basic, weight, body size 0, no flags; frame end
  const frame = Buffer.from(`0200010000000e003c0000${'00'.repeat(8)}0000ce`, 'hex');
  const probe: FrameSource = { rest: frame, recvFrame: () => false };
  const read = takeHeaderFrame(probe, 'read');
  if (before === after || read?.id !== basicClass || probe.rest.length !== 0) throw incompatible();
}

interface HeaderFrame {
  readonly id: number;
  readonly channel: number;
  readonly size: number;
  readonly fields: ReceivedProperties;
}

/** The next frame, if it is a complete content header; undefined leaves it to amqplib. */
function takeHeaderFrame(source: FrameSource, properties: 'read' | 'raw'): HeaderFrame | undefined {
  const { rest } = source;
  if (rest.length < frameHeaderBytes || rest[0] !== headerFrame) return undefined;
  const end = frameHeaderBytes + rest.readUInt32BE(3);
  if (rest.length <= end || rest[end] !== frameEnd || end < frameHeaderBytes + propertyFlagsAt + 2) {
    return undefined;
  }
  const payload = rest.subarray(frameHeaderBytes, end);
  const id = payload.readUInt16BE(0);
  if (id !== basicClass) return undefined;
  source.rest = rest.subarray(end + 1);
  const fields = properties === 'raw' ? new ReceivedProperties() : readProperties(payload, propertyFlagsAt);
  fields.wire = payload.subarray(propertyFlagsAt);
  return {
    id,
    channel: rest.readUInt16BE(1),
    size: Number(payload.readBigUInt64BE(4)),
    fields,
  };
}

/** Reads basic properties (AMQP 0-9-1 §4.2.6.1: flags, highest bit first). Never throws. */
export function readProperties(payload: Buffer, start: number): ReceivedProperties {
  const properties = new ReceivedProperties();
  try {
    const flags = payload.readUInt16BE(start);
    const reader = new TableReader(payload, start + 2);
    if (flags & 0x8000) properties.contentType = recurringString(reader);
    if (flags & 0x4000) properties.contentEncoding = recurringString(reader);
    if (flags & 0x2000) readHeaders(properties, reader);
    readRest(properties, reader, flags);
  } catch (error) {
    // A property list that ends too early: what was read stays, and the message goes on as undecodable.
    properties.headerError ??= (error as Error).message;
  }
  return properties;
}

function readHeaders(properties: ReceivedProperties, reader: TableReader): void {
  const at = reader.offset;
  const end = at + 4 + reader.bytes.readUInt32BE(at);
  try {
    properties.headers = readTable(reader.bytes, at).table;
  } catch (error) {
    properties.headerError = (error as Error).message;
    properties.rawHeaders = Buffer.from(reader.bytes.subarray(at, end));
  }
  reader.offset = end; // the table's own length: a bad value inside does not move what follows
}

function readRest(properties: ReceivedProperties, reader: TableReader, flags: number): void {
  if (flags & 0x1000) properties.deliveryMode = reader.bytes.readUInt8(reader.take(1));
  if (flags & 0x0800) properties.priority = reader.bytes.readUInt8(reader.take(1));
  if (flags & 0x0400) properties.correlationId = shortString(reader);
  if (flags & 0x0200) properties.replyTo = recurringString(reader);
  if (flags & 0x0100) properties.expiration = shortString(reader);
  if (flags & 0x0080) properties.messageId = shortString(reader);
  if (flags & 0x0040) properties.timestamp = Number(reader.bytes.readBigUInt64BE(reader.take(8)));
  if (flags & 0x0020) properties.type = recurringString(reader);
  if (flags & 0x0010) properties.userId = recurringString(reader);
  if (flags & 0x0008) properties.appId = recurringString(reader);
  if (flags & 0x0004) properties.clusterId = shortString(reader);
}
