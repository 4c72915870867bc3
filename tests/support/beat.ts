/** What tests ask about the runs of beat: which there were, how often, and which should have been. */
import { startBroker } from '@celeriac/dev-broker';
import { type Beat, type BeatOptions, createBeat, type Sent } from '@celeriac/worker';
import type { ConfigInput } from '@celeriac/core';

import { LineLog, configFor } from './clients.js';
import { Place } from './place.js';
import { TcpProxy } from './tcp-proxy.js';

export const queue = 'q';

/** Schedules over a broker; heartbeats short, so that a silent process is noticed within seconds. */
export function beatConfig(
  url: string,
  schedules: NonNullable<ConfigInput['beat']>['schedules'],
): ConfigInput {
  return configFor(url, { tasks: { default_queue: queue }, beat: { heartbeat: 1, schedules } });
}

/** A beat that remembers. */
export class WatchedBeat implements AsyncDisposable {
  readonly beat: Beat;
  readonly log = new LineLog();
  readonly sent: Sent[] = [];

  constructor(config: ConfigInput, more: BeatOptions = {}) {
    this.beat = createBeat({ env: {}, ...more, config, logger: this.log.logger });
    this.beat.on('sent', (one) => this.sent.push(one));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.beat.stop();
  }
}

/** One whose connection can be cut for good, as if its process had been killed. */
export class MortalBeat extends WatchedBeat {
  #proxy: TcpProxy;

  private constructor(config: ConfigInput, proxy: TcpProxy) {
    super(config);
    this.#proxy = proxy;
  }

  static async start(
    port: number,
    schedules: NonNullable<ConfigInput['beat']>['schedules'],
  ): Promise<MortalBeat> {
    const proxy = await TcpProxy.start(port);
    const mortal = new MortalBeat(
      beatConfig(`amqp://guest:guest@127.0.0.1:${proxy.port}//`, schedules),
      proxy,
    );
    await mortal.beat.start();
    return mortal;
  }

  /** Cuts the connection now, in the middle of whatever it does. It gets no other. */
  kill(): void {
    this.#proxy.silence();
    this.#proxy.reset();
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await super[Symbol.asyncDispose]();
    await this.#proxy[Symbol.asyncDispose]();
  }
}

/** What the last active process wrote down of a schedule. */
export interface Written {
  readonly anchor: number;
  readonly lastAt: number;
  readonly sent: number;
  readonly skipped: number;
  readonly isPaused: boolean;
  readonly timing: string;
}

/** The state that is in the queue: for the end of a test, when no beat runs. */
export async function written(place: Place, name: string): Promise<Written> {
  const states = (await place.consumed('celeriac.beat'))
    .filter((body) => body.includes('"entries"'))
    .map((body) => JSON.parse(body) as { epoch: number; revision: number; entries: Record<string, Written> })
    .sort((a, b) => a.epoch - b.epoch || a.revision - b.revision);
  return states.at(-1)?.entries[name] as Written;
}

/** How often each message is there. */
export function copies(ids: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

/** An embedded broker and a look into its queues. */
export async function embedded(): Promise<
  AsyncDisposable & { readonly port: number; readonly url: string; readonly place: Place }
> {
  const broker = await startBroker();
  const place = await Place.at(broker.url);
  return {
    port: broker.port,
    url: broker.url,
    place,
    [Symbol.asyncDispose]: async () => {
      await place[Symbol.asyncDispose]();
      await broker.stop();
    },
  };
}
