/**
 * Which frames may come where, and RabbitMQ's words for those that may not. Source: rabbit_reader.erl (handle_frame),
 * rabbit_command_assembler.erl (analyze_frame) of 3.10.
 */
import { type Frame, frameSnippet, frameType } from '../codec/frames.js';
import { AmqpError } from '../engine/amqp-error.js';

/** Class, weight, size of the body: what a header has at least. */
const headerBytes = 12;
/** Class and method. */
const methodBytes = 4;

/** Throws 501 for a frame that is none, 505 for one on the wrong channel. */
export function assertFrame({ type, channel, payload }: Frame): void {
  if (!isFrame(type, payload)) {
    throw new AmqpError(501, `${frameSnippet(type, payload)}: unknown_frame`, { hard: true });
  }
  const isMisplaced =
    channel === 0 ? type === frameType.header || type === frameType.body : type === frameType.heartbeat;
  if (isMisplaced) throw new AmqpError(505, frameSnippet(type, payload), { hard: true });
}

function isFrame(type: number, payload: Buffer): boolean {
  switch (type) {
    case frameType.method:
      return payload.length >= methodBytes;
    case frameType.header:
      return payload.length >= headerBytes;
    case frameType.body:
      return true;
    case frameType.heartbeat:
      return payload.length === 0;
    default:
      return false;
  }
}
