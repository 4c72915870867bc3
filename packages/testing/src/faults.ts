/** Faults as a run under faults sees them: a port, and the faults that need nothing but the broker. Decides by seed. */
import type { DevBroker, RandomFaultKind } from '@celeriac/dev-broker';

/** Something that goes wrong now and then. */
export interface Faults {
  /**
   * Called at every step of the run: before a send, after it, when a handler begins, when a delivery is settled. Does
   * what is due, and says what it did.
   */
  strike(): string | readonly string[] | undefined;
  /** From here on nothing goes wrong: what is left must come to its end. */
  end(): void;
}

/** Faults of a broker. Everything by chance has to come from `random`, so that a seed gives the same again. */
export type FaultSource = (broker: DevBroker, random: () => number) => Faults;

export interface LostConnectionsOptions {
  /** How likely a step loses a connection: 0 to 1. Default 0.1. */
  readonly likelihood?: number;
}

/** Connections that break without a word, as when a firewall or a node goes away. */
export function lostConnections({ likelihood = 0.1 }: LostConnectionsOptions = {}): FaultSource {
  return (broker, random) => {
    let isOver = false;
    return {
      strike: () => {
        // Drawn also when there is nothing to break, so that the numbers that follow stay the same.
        const isDue = random() < likelihood;
        const which = random();
        const { connections } = broker;
        const connection = connections[Math.floor(which * connections.length)];
        if (isOver || !isDue || connection === undefined) return undefined;
        connection.destroy();
        return `lost the connection '${connection.name}'`;
      },
      end: () => {
        isOver = true;
      },
    };
  };
}

export interface FrameFaultsOptions {
  /** How likely a frame is struck: 0 to 1. Default 0.01. */
  readonly likelihood?: number;
  /** Default: `drop`, `close-connection`, `close-channel`, `cancel-consumers`, `time-out-consumers`. */
  readonly kinds?: readonly RandomFaultKind[];
}

/** Those that a publisher and a worker get over by themselves. A nacked confirm is for the scenario to handle. */
const survivable: readonly RandomFaultKind[] = [
  'drop',
  'close-connection',
  'close-channel',
  'cancel-consumers',
  'time-out-consumers',
];

/** Faults between two frames of the protocol, from the broker's own fault dial: finer than a step of the run. */
export function frameFaults(options: FrameFaultsOptions = {}): FaultSource {
  const { likelihood = 0.01, kinds = survivable } = options;
  return ({ faults }, random) => {
    const fault = faults.random({ seed: random, likelihood, kinds });
    let told = faults.history.length;
    return {
      strike: () => {
        const news = faults.history.slice(told);
        told = faults.history.length;
        return news;
      },
      end: () => {
        fault.end();
        faults.clear();
      },
    };
  };
}
