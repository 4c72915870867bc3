/**
 * Whether connections that have nothing to say would be cut by what commonly lies on their way. Pure.
 *
 * Sources: AWS "Connection idle timeout" (Network Load Balancer 350 s, Classic Load Balancer 60 s), Azure Load Balancer
 * "TCP idle timeout" (4 min), Google Cloud firewall "connection tracking" (600 s), HAProxy `timeout client` of its
 * example configuration (50 s).
 */
import { type Check, ok, warning } from './check.js';

const limits: readonly (readonly [who: string, seconds: number])[] = [
  ['HAProxy, as in its examples', 50],
  ['AWS Classic Load Balancer', 60],
  ['Azure Load Balancer', 240],
  ['AWS Network Load Balancer', 350],
  ['Google Cloud firewall', 600],
];

export interface Idleness {
  /** Of the connection: `consumers`, `publishers`. */
  readonly of: string;
  /** Seconds, as negotiated; 0 is off. */
  readonly heartbeat: number;
  /** Seconds without traffic until the system probes. */
  readonly keepalive: number;
}

/** Heartbeats are sent every half of their time (AMQP 0-9-1 §4.2.7), keepalive probes after the whole. */
export function idleCheck({ of, heartbeat, keepalive }: Idleness): Check {
  const subject = `idle ${of}`;
  const silence = Math.min(heartbeat === 0 ? Infinity : heartbeat / 2, keepalive);
  const how = `something is sent every ${silence} s (heartbeat ${heartbeat === 0 ? 'off' : `${heartbeat} s`}, keepalive after ${keepalive} s)`;
  const cut = limits.filter(([, seconds]) => seconds <= silence);
  if (heartbeat === 0)
    return warning(
      subject,
      `heartbeats are off: ${how}`,
      'Set a heartbeat: a peer that hangs while its system still answers is noticed by nothing else.',
    );
  if (cut.length === 0) return ok(subject, `${how}: more often than any usual limit`);
  return warning(
    subject,
    `${how}: too seldom for ${cut.map(([who, seconds]) => `${who} (${seconds} s)`).join(', ')}`,
    'Lower events.consumer_heartbeat, events.publisher_heartbeat or events.tcp_keepalive_timeout below the limit of what is on the way.',
  );
}
