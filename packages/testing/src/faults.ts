/** Faults as a run under faults sees them: a port, and the faults that need nothing but the broker. Decides by seed. */
import type { DevBroker } from '@celeriac/dev-broker';

/** Something that goes wrong now and then. */
export interface Faults {
  /**
   * Called at every step of the run: before a send, after it, when a handler begins, when a delivery is settled. Does
   * what is due, and says what it did.
   */
  strike(): string | undefined;
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
