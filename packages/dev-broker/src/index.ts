/** The public surface of `@celeriac/dev-broker`. */
export { startBroker } from './server/server.js';
export type { BrokerOptions, DevBroker } from './server/server.js';
export type {
  BindingDescription,
  ConsumerDescription,
  ExchangeDescription,
  QueueDescription,
} from './engine/describe.js';
export type { ProfileName } from './engine/profile.js';
