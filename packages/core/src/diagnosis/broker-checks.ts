/**
 * Looks at a broker: whether it can be reached and lets us in, which one it is, how its connections are held, and whether
 * it takes a message.
 */
import { type BrokerFacts, BrokerProbe, type BrokerProbeOptions } from '../amqp/broker-probe.js';
import type { Config } from '../config/types.js';
import { isCeleriacError } from '../errors.js';
import { type Check, failed, ok, warning } from './check.js';
import { failure } from './failure.js';
import { idleCheck } from './idle-limits.js';
import { versionChecks } from './version-traps.js';

/** The connection, or why there is none. `of`: `tasks`, `events`, or both. */
export async function connectCheck(
  of: string,
  options: BrokerProbeOptions,
): Promise<{ readonly check: Check; readonly probe?: BrokerProbe }> {
  const { clock } = options;
  const subject = `broker of ${of}`;
  const since = clock.monotonic();
  try {
    const probe = await BrokerProbe.open(options);
    const ms = Math.round(clock.monotonic() - since);
    return { check: ok(subject, `${shown(probe.facts)} lets us in after ${ms} ms`), probe };
  } catch (error) {
    return { check: failure(subject, error) };
  }
}

function shown({ product, version, cluster }: BrokerFacts): string {
  const name = [product, version].filter((part) => part !== undefined && part !== '').join(' ');
  return `${name === '' ? 'a broker without a name' : name}${cluster === undefined ? '' : ` (${cluster})`}`;
}

/** What an open connection tells. */
export function connectionChecks(of: string, facts: BrokerFacts, { events }: Config): readonly Check[] {
  const { consumer_heartbeat: consumers, publisher_heartbeat: publishers } = events;
  const { tcp_keepalive_timeout: keepalive } = events;
  // The lower of both sides counts, and 0 of the broker is none of its own.
  const agreed = (wanted: number): number =>
    wanted === 0 || facts.heartbeat === 0 ? wanted : Math.min(wanted, facts.heartbeat);
  return [
    ...(facts.product === 'RabbitMQ' ? versionChecks(facts.version) : []),
    idleCheck({ of: `consumers of ${of}`, heartbeat: agreed(consumers), keepalive }),
    idleCheck({ of: `publishers of ${of}`, heartbeat: agreed(publishers), keepalive }),
  ];
}

/** A message there and back, which a broker with an alarm does not take. */
export async function roundTripCheck(
  of: string,
  probe: BrokerProbe,
  { clock }: BrokerProbeOptions,
): Promise<Check> {
  const subject = `round trip of ${of}`;
  const since = clock.monotonic();
  try {
    await probe.roundTrip(`celeriac-doctor.${process.pid}.${clock.now()}`);
    return ok(subject, `a message is confirmed and back in ${Math.round(clock.monotonic() - since)} ms`);
  } catch (error) {
    if (!isCeleriacError(error, 'ERR_TOPOLOGY_REFUSED')) return failure(subject, error);
    const { found, advice = '' } = failure(subject, error);
    return warning(subject, found, advice);
  }
}

export function nodeCheck(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < 20 || (major === 20 && minor < 19);
  return isOld ? failed('Node.js', version, 'Run it with Node.js 20.19 or later.') : ok('Node.js', version);
}
