/**
 * `memory://`: the embedded broker, started inside this process when a connection string names it. It comes from
 * `@celeriac/dev-broker`, which is loaded here only, and only then: what runs in production need not install it.
 */
import type { BrokerEndpoint } from './amqp/broker-endpoint.js';
import { CeleriacError, errorText } from './errors.js';
import type { Logger } from './logger.js';

/** What is used of `@celeriac/dev-broker`, which depends on this package and cannot be a dependency of it. */
interface DevBrokerModule {
  readonly sharedBroker: (name: string, vhost: string) => Promise<{ readonly port: number }>;
}

/**
 * Where the broker of a `memory://` address listens; starts it when it is the first to ask. Rejects with
 * ERR_EMBEDDED_BROKER when the package is missing or cannot listen.
 */
export async function embeddedEndpoint(address: BrokerEndpoint, logger: Logger): Promise<BrokerEndpoint> {
  const { hostname: name, vhost } = address;
  const { sharedBroker } = await loadDevBroker();
  let port: number;
  try {
    ({ port } = await sharedBroker(name, vhost));
  } catch (cause) {
    throw new CeleriacError('ERR_EMBEDDED_BROKER', {
      message: `The embedded broker did not start: ${errorText(cause)}.`,
      hint: 'It needs a free port on 127.0.0.1.',
      cause,
    });
  }
  logger.info('embedded broker, for development and tests: it keeps nothing', { name, vhost, port });
  const login = { username: 'guest', password: 'guest' };
  return { protocol: 'amqp', hostname: '127.0.0.1', port, ...login, vhost };
}

async function loadDevBroker(): Promise<DevBrokerModule> {
  const specifier = '@celeriac/dev-broker'; // in a variable, or the compiler would want to see it
  try {
    return (await import(specifier)) as DevBrokerModule;
  } catch (cause) {
    throw new CeleriacError('ERR_EMBEDDED_BROKER', {
      message: `memory:// needs the package ${specifier}, which cannot be loaded: ${errorText(cause)}.`,
      hint: `npm install --save-dev ${specifier}, or name a RabbitMQ: amqp://…`,
      cause,
    });
  }
}
