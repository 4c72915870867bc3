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

export type {
  CancelOptions,
  CloseOptions,
  ConfirmFaultOptions,
  CorruptOptions,
  FaultDial,
} from './faults/dial.js';
export type { Fault, FaultMoment, FaultOptions } from './faults/fault.js';
export { randomFaultKinds } from './faults/random.js';
export type { RandomFaultKind, RandomFaultOptions } from './faults/random.js';
export type { FrameName, FrameStep, Step } from './faults/step.js';
