/** What is told of a task that somebody asks for. Plain data. */

/** Who may know of it. */
export type Source = 'workers' | 'results' | 'dead letters' | 'queues';

/** Where it is, as one of them says. */
export type Whereabouts =
  'running' | 'reserved' | 'waiting' | 'delayed' | 'dead-lettered' | 'cancelled' | 'finished';

export interface TaskPlace {
  readonly state: Whereabouts;
  /** A sentence without its subject: `runs on shop@web3 since …`. */
  readonly text: string;
  readonly name?: string | undefined;
  /** What its message or record says, by the names of the protocol. Times are ISO 8601. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What one source said. */
export interface Answer {
  readonly source: Source;
  readonly said: string;
  /** It could not be asked. */
  readonly hasFailed: boolean;
}
