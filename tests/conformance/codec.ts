/**
 * The embedded broker's codec, which its package keeps to itself: the raw client speaks with it. Its own tests hold it
 * against amqplib's.
 */
import type * as Frames from '../../packages/dev-broker/dist/codec/frames.js';
import type * as MethodCodec from '../../packages/dev-broker/dist/codec/method-codec.js';
import type * as Methods from '../../packages/dev-broker/dist/codec/methods.js';

export type { Method, MethodFields, MethodName } from '../../packages/dev-broker/dist/codec/methods.js';

/** Seen from where this file runs, one directory deeper than where it is written. */
const at = (file: string): string =>
  new URL(`../../../packages/dev-broker/dist/codec/${file}`, import.meta.url).href;

export const frames = (await import(at('frames.js'))) as typeof Frames;
export const methodCodec = (await import(at('method-codec.js'))) as typeof MethodCodec;
export const { methods } = (await import(at('methods.js'))) as typeof Methods;
