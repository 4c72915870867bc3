/** The public surface of `@celeriac/dev-broker`. */
export { type ProfileName, profileNames } from './engine/profile.js';
export { sharedBroker } from './shared.js';
export { startBroker } from './server/server.js';
export type { BrokerOptions, DevBroker } from './server/server.js';
export type {
  BindingDescription,
  ConsumerDescription,
  ExchangeDescription,
  MessageDescription,
  QueueDescription,
} from './engine/describe.js';
