/**
 * Turns what a failed connection attempt threw into an error that says what is wrong and what to do. Pure: reads
 * messages of Node, OpenSSL, amqplib and RabbitMQ; decides nothing and retries nothing.
 */
import type { BrokerAddressParts } from '../config/broker-address.js';
import { CeleriacError, errorText, isCeleriacError, type ErrorCode } from '../errors.js';

/** Where the attempt went. */
export type AttemptedAddress = Omit<BrokerAddressParts, 'password'>;

interface Diagnosis {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** Codes that will not go away by trying again: a person has to change something. */
const permanent: ReadonlySet<ErrorCode> = new Set([
  'ERR_ACCESS_REFUSED',
  'ERR_VHOST_REFUSED',
  'ERR_TLS',
  'ERR_AMQPLIB_INCOMPATIBLE',
]);

/** True when trying the same address again cannot help until someone changes something. */
export function isPermanent(error: CeleriacError): boolean {
  return permanent.has(error.code);
}

/**
 * How sure it is that the address refused us, 0 to 1. amqplib hides why a connection was closed while it was opened: it
 * may have been a broker that shuts down, so it takes two of those.
 */
export function certainty(error: CeleriacError): number {
  return error.code === 'ERR_VHOST_REFUSED' ? 0.5 : 1;
}

/** Explains a failed attempt. `timedOutAfter` (seconds) is set when our own deadline ended it. */
export function connectError(
  cause: unknown,
  address: AttemptedAddress,
  timedOutAfter: number | undefined,
): CeleriacError {
  if (isCeleriacError(cause)) return cause;
  const { code, message, hint } =
    timedOutAfter === undefined ? diagnose(cause, address) : silent(address, timedOutAfter);
  const { hostname, port, username, vhost } = address;
  return new CeleriacError(code, { message, hint, values: { hostname, port, username, vhost }, cause });
}

function silent(address: AttemptedAddress, seconds: number): Diagnosis {
  return {
    code: 'ERR_BROKER_SILENT',
    message: `The broker at ${at(address)} did not complete the connection within ${seconds} s.`,
    hint: 'It may be overloaded or stopped, a firewall may be dropping packets, or another service listens there.',
  };
}

function at({ hostname, port }: AttemptedAddress): string {
  return hostname.includes(':') ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

function diagnose(cause: unknown, address: AttemptedAddress): Diagnosis {
  const text = errorText(cause);
  const nodeCode = (cause as { code?: string } | null | undefined)?.code ?? '';
  // Node's own code first: its texts hold addresses and host names, which may read like a reply code.
  return (
    unreachable(nodeCode, address) ??
    tlsTrouble(text, nodeCode, address) ??
    refusedByBroker(text, address) ??
    handshakeEnded(text, address)
  );
}

function refusedByBroker(text: string, address: AttemptedAddress): Diagnosis | undefined {
  const { username, vhost } = address;
  if (/ACCESS[-_]REFUSED|\b403\b/u.test(text)) {
    const loopback = username === 'guest' ? " RabbitMQ lets the user 'guest' in from localhost only." : '';
    return {
      code: 'ERR_ACCESS_REFUSED',
      message: `The broker at ${at(address)} refused the user '${username}'.`,
      hint: `Check user and password in the connection string (special characters percent-encoded).${loopback}`,
    };
  }
  if (/ConnectionOpenOk|\b530\b|NOT[-_]ALLOWED/u.test(text)) {
    return {
      code: 'ERR_VHOST_REFUSED',
      message: `The broker at ${at(address)} does not let the user '${username}' into the virtual host '${vhost}'.`,
      hint: `Check that it exists (rabbitmqctl list_vhosts) and that the user has permissions on it; the path of the connection string names it, and '/' is written '//' or '/%2f'.`,
    };
  }
  return undefined;
}

function tlsTrouble(text: string, nodeCode: string, address: AttemptedAddress): Diagnosis | undefined {
  const isTls =
    /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|EPROTO|ERR_OSSL)/u.test(nodeCode) ||
    /certificate|SSL routines|wrong version number/iu.test(text);
  if (!isTls) return undefined;
  const wrongPort = /wrong version number|packet length too long/iu.test(text);
  return {
    code: 'ERR_TLS',
    message: `No secure connection to the broker at ${at(address)}: ${text}.`,
    hint: wrongPort
      ? 'That port does not speak TLS: RabbitMQ listens on 5671 for amqps and on 5672 for amqp.'
      : 'Check tls.ca (who signed the certificate) and tls.server_name (the name it was issued for).',
  };
}

function unreachable(nodeCode: string, address: AttemptedAddress): Diagnosis | undefined {
  const reasons: Record<string, string | undefined> = {
    ECONNREFUSED: 'nothing listens on that port',
    ENOTFOUND: 'the host name is unknown',
    EAI_AGAIN: 'the name server does not answer',
    EHOSTUNREACH: 'there is no route to the host',
    ENETUNREACH: 'there is no route to the network',
    ETIMEDOUT: 'the host does not answer',
  };
  const reason = reasons[nodeCode];
  if (reason === undefined) return undefined;
  return {
    code: 'ERR_BROKER_UNREACHABLE',
    message: `Cannot reach the broker at ${at(address)}: ${reason} (${nodeCode}).`,
    hint: 'Check host and port of the connection string, and that RabbitMQ runs there (5672, or 5671 with TLS).',
  };
}

function handshakeEnded(text: string, address: AttemptedAddress): Diagnosis {
  const plainToTls = address.protocol === 'amqp' && address.port === 5671;
  return {
    code: 'ERR_BROKER_HANDSHAKE',
    message: `The connection to ${at(address)} ended before the broker had accepted it: ${text}.`,
    hint: plainToTls
      ? 'Port 5671 speaks TLS: write amqps:// instead of amqp://.'
      : 'Check that the port is an AMQP 0-9-1 listener, and look into the log of RabbitMQ.',
  };
}
