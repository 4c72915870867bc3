/**
 * Tasks that were cancelled and may still come, kept in the broker: workers that start later read them. Each is
 * forgotten when its time is over, and the oldest when there are too many. Tells no worker anything.
 */
import { RegistryQueue } from '../amqp/registry-queue.js';
import type { Session } from '../amqp/session.js';
import type { Clock } from '../clock.js';
import type { Config } from '../config/types.js';

/** A task that must not run. */
export interface CancelledTask {
  readonly id: string;
  /** When it is forgotten, milliseconds since the epoch. */
  readonly until: number;
}

/** The queue that holds them. */
export const cancelledQueueName = 'celeriac.cancelled';

/** What fits into a message of RabbitMQ's smallest default limit (16 MiB), twice. */
const mostBytes = 8 * 2 ** 20;
const bytesAround = 32;

export interface CancelledTasksParts {
  readonly config: Config;
  readonly session: Session;
  readonly clock: Clock;
}

export class CancelledTasks {
  #registry: RegistryQueue;
  #clock: Clock;
  #most: number;

  constructor({ config, session, clock }: CancelledTasksParts) {
    const { queue_type: type, max_cancelled: most } = config.tasks;
    const holds = 'the cancelled tasks';
    this.#registry = new RegistryQueue({ session, clock, queue: cancelledQueueName, type, holds });
    this.#clock = clock;
    this.#most = most;
  }

  /** The oldest first. Declares nothing where none was ever cancelled. */
  async list(): Promise<readonly CancelledTask[]> {
    const rows = await this.#registry.updateIfAny((document) => this.#kept(document));
    return (rows ?? []).map(([id, seconds]) => ({ id, until: seconds * 1000 }));
  }

  /** Resolves when the broker has confirmed it. */
  async add(ids: readonly string[], until: number): Promise<void> {
    await this.#registry.update((document) => {
      const again = new Set(ids);
      const others = this.#kept(document).filter(([id]) => !again.has(id));
      const rows = ids.map((id): Row => [id, Math.ceil(until / 1000)]);
      return newest([...others, ...rows], this.#most);
    });
  }

  #kept(document: unknown): readonly Row[] {
    const now = this.#clock.now() / 1000;
    return rowsOf(document).filter(([, seconds]) => seconds > now);
  }
}

/** Its id, and seconds since the epoch: short, for there may be many. */
type Row = readonly [id: string, until: number];

function rowsOf(document: unknown): readonly Row[] {
  return Array.isArray(document) ? document.filter(isRow) : [];
}

function isRow(row: unknown): row is Row {
  return Array.isArray(row) && typeof row[0] === 'string' && typeof row[1] === 'number';
}

/** The last ones that fit, in order. */
function newest(rows: readonly Row[], most: number): readonly Row[] {
  let from = rows.length;
  for (let bytes = 0; from > 0 && rows.length - from < most; from--) {
    bytes += Buffer.byteLength((rows[from - 1] as Row)[0]) + bytesAround;
    if (bytes > mostBytes) break;
  }
  return rows.slice(from);
}
