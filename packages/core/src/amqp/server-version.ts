/** What depends on the version of the broker, as it names itself when it is connected to. Pure. */
import type { ChannelModel } from 'amqplib';

/** From this version on RabbitMQ reads it of a queue (rabbitmq.com/docs/consumers, "Per-queue Delivery Timeouts"). */
const consumerTimeout = { argument: 'x-consumer-timeout', since: [3, 12] } as const;

/** `3.10.8`; undefined for a broker that does not say. */
export function serverVersion(connection: ChannelModel): string | undefined {
  const { serverProperties } = connection.connection as unknown as {
    serverProperties?: { version?: unknown };
  };
  const version = serverProperties?.version;
  return typeof version === 'string' ? version : undefined;
}

/** The arguments that a broker of this version understands, and the name of the one that it does not. */
export function understoodArguments(
  wanted: Readonly<Record<string, unknown>>,
  version: string | undefined,
): { readonly understood: Readonly<Record<string, unknown>>; readonly dropped?: string } {
  const { argument, since } = consumerTimeout;
  if (wanted[argument] === undefined || atLeast(version, since)) return { understood: wanted };
  const { [argument]: _dropped, ...understood } = wanted;
  return { understood, dropped: argument };
}

/** False where it is not known. */
export function atLeast(version: string | undefined, [major, minor]: readonly [number, number]): boolean {
  const found = /^(\d+)\.(\d+)/u.exec(version ?? '');
  if (found === null) return false;
  const [hasMajor, hasMinor] = [Number(found[1]), Number(found[2])];
  return hasMajor > major || (hasMajor === major && hasMinor >= minor);
}
