/**
 * Reads what RabbitMQ says when it closes a channel: which exchange is missing, how large a message may be, which
 * argument of a queue differs. Pure text work, checked against RabbitMQ 3.10 to 4.1; a text it does not know
 * yields undefined and the caller falls back to the reply code.
 */
import type { ChannelLoss } from '../ports.js';

/** AMQP reply codes we tell apart. */
export const replyCode = {
  accessRefused: 403,
  notFound: 404,
  resourceLocked: 405,
  preconditionFailed: 406,
} as const;

/** `NOT_FOUND - no exchange 'nope' in vhost '/'`. */
export function missingExchange(text: string): string | undefined {
  return /no exchange '(.*?)' in vhost/u.exec(text)?.[1];
}

/** `ACCESS_REFUSED - … to exchange 'x' in vhost '/' refused for user 'u'`: the exchange. */
export function refusedExchange(text: string): string | undefined {
  return /exchange '(.*?)' in vhost '.*' refused/u.exec(text)?.[1];
}

/** `message size 2097152 is larger than configured max size 1048576` (and older spellings): the limit. */
export function sizeLimit(text: string): number | undefined {
  const found = /message size \d+ (?:is )?larger than (?:configured )?max(?:imum)? size (\d+)/iu.exec(text);
  return found?.[1] === undefined ? undefined : Number(found[1]);
}

/**
 * True when the broker has waited too long for an acknowledgement: it closed the channel with 406 and `delivery
 * acknowledgement on channel 1 timed out`, or, since RabbitMQ 4.3, cancelled the subscription to a quorum queue.
 */
export function isOutOfPatience({ code, text }: ChannelLoss): boolean {
  const timedOut = /delivery acknowledgement on channel \d+ timed out/u.test(text);
  return (code === replyCode.preconditionFailed && timedOut) || text === cancelledByBroker;
}

/** What is said of a channel that we close because the broker has cancelled its subscription. */
export const cancelledByBroker = 'the broker cancelled the subscription';

/** How something that exists differs from what was asked for. */
export interface Inequivalence {
  readonly argument: string;
  readonly wanted: string;
  readonly present: string;
}

/**
 * `inequivalent arg 'x-max-priority' for queue 'q' in vhost '/': received none but current is the value '10' of
 * type 'signedint'`: which argument, and both values.
 */
export function inequivalentArgument(text: string): Inequivalence | undefined {
  const found = /inequivalent arg '(.*?)' for .*?: received (.*?) but current is (.*?)(?:"|$)/su.exec(text);
  if (found?.[1] === undefined) return undefined;
  return { argument: found[1], wanted: plain(found[2] ?? ''), present: plain(found[3] ?? '') };
}

function plain(value: string): string {
  return /'(.*)' of type/su.exec(value)?.[1] ?? /^(?:the value )?'(.*)'$/su.exec(value)?.[1] ?? value;
}

/** What the argument that differs has to be declared as for it not to differ; undefined: it has to be left out. */
export function presentValue(text: string): string | number | boolean | undefined {
  return typed(
    /inequivalent arg '.*?' for .*?: received .*? but current is (.*?)(?:"|$)/su.exec(text)?.[1] ?? 'none',
  );
}

const numbers = /^(?:unsigned|signed)?(?:int|byte|short|long)$/u;

/** `the value '10' of type 'signedint'` is 10; where both sides have a value no type is told, and digits are a number. */
function typed(text: string): string | number | boolean | undefined {
  if (text === 'none') return undefined;
  const value = plain(text);
  const type = /of type '(\w+)'$/su.exec(text)?.[1];
  if (value === 'true' || value === 'false') return type === 'longstr' ? value : value === 'true';
  const isNumber = type === undefined ? /^-?\d+$/u.test(value) : numbers.test(type);
  return isNumber ? Number(value) : value;
}
