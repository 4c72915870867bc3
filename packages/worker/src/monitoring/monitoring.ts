/**
 * What a worker tells monitors of itself and its tasks: that it is there, its heartbeats, its task events, and what remote
 * control switches on and off. Runs nothing and settles nothing.
 */
import { createRequire } from 'node:module';
import { hostname, loadavg, type as systemType } from 'node:os';

import type { Clock, Config, EventFields, Logger, Timer } from '@celeriac/core';

import type { ControlPorts } from '../control/command.js';
import { LogicalClock } from '../control/logical-clock.js';
import { nodeName } from '../control/node-name.js';
import type { Side } from '../side.js';
import type { WorkInHand } from '../work-in-hand.js';
import { EventDispatcher } from './event-dispatcher.js';
import { Gossip } from './gossip.js';
import { TaskEvents } from './task-events.js';

export interface MonitoringParts {
  readonly config: Config;
  readonly side: Side;
  readonly inHand: WorkInHand;
  readonly logger: Logger;
  readonly clock: Clock;
}

const manifest = createRequire(import.meta.url)('../../package.json') as { readonly version: string };
const software: EventFields = { sw_ident: 'celeriac', sw_ver: manifest.version, sw_sys: systemType() };
/** What Celery puts into heartbeats on demand, whatever the interval. */
const onDemandFreq = 5;

export class Monitoring {
  /** What it is called in events and in remote control. */
  readonly node: string;
  /** Shared with remote control: one order of all that a worker says. */
  readonly lamport: LogicalClock = new LogicalClock();
  readonly tasks: TaskEvents;
  readonly ports: Pick<ControlPorts, 'enableEvents' | 'disableEvents' | 'heartbeat'>;
  #parts: MonitoringParts;
  #dispatcher: EventDispatcher;
  #gossip: Gossip | undefined;
  #timer: Timer | undefined;
  #isOnline = false;
  #isClosed = false;

  constructor(parts: MonitoringParts) {
    this.#parts = parts;
    const { config, clock, side } = parts;
    this.node = nodeName(config, { host: hostname(), pid: process.pid });
    const source = {
      hostname: this.node,
      pid: process.pid,
      forward: () => this.lamport.forward(),
      now: () => clock.now(),
    };
    const { event_exchange: exchange } = config.tasks;
    this.#dispatcher = new EventDispatcher({ sink: side.publishing.transient, exchange, source });
    this.tasks = new TaskEvents(this.#dispatcher, { clock, isEnabled: config.task_handler.send_events });
    this.ports = {
      enableEvents: () => this.#switch(true),
      disableEvents: () => this.#switch(false),
      heartbeat: () => this.#dispatcher.tell('worker-heartbeat', { freq: onDemandFreq, ...software }),
    };
  }

  /** It consumes. Tells nothing of the worker with `task_handler.heartbeat_interval: 0`. */
  start(): void {
    const { side, config, clock } = this.#parts;
    const intervalMs = config.task_handler.heartbeat_interval * 1000;
    if (intervalMs === 0 || this.#isClosed) return;
    this.#isOnline = true;
    this.#gossip = new Gossip({
      ...this.#parts,
      ...{ node: this.node, lamport: this.lamport, dispatcher: this.#dispatcher },
    });
    this.#gossip.start();
    this.#tell('worker-online');
    // Whoever listens may have missed any number of heartbeats.
    side.publishing.session.events.on('restored', () => this.#isOnline && this.#tell('worker-online'));
    const beat = (): void => {
      this.#timer = clock.after(intervalMs, beat, { ref: false });
      this.#tell('worker-heartbeat');
    };
    this.#timer = clock.after(intervalMs, beat, { ref: false });
  }

  /** Says goodbye. Events that are told after this are not sent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#dispatcher.flush();
    if (!this.#isOnline) return;
    this.#isOnline = false;
    this.#tell('worker-offline');
    await this.#gossip?.close();
  }

  #tell(type: 'worker-online' | 'worker-heartbeat' | 'worker-offline'): void {
    const { inHand, config } = this.#parts;
    this.#dispatcher.tell(type, {
      freq: config.task_handler.heartbeat_interval,
      active: inHand.tasks().filter(({ running }) => running !== undefined).length,
      processed: [...inHand.begun.values()].reduce((sum, count) => sum + count, 0),
      loadavg: loadavg().map((one) => Math.round(one * 100) / 100),
      ...software,
    });
  }

  #switch(isEnabled: boolean): boolean {
    if (this.tasks.isEnabled === isEnabled) return false;
    this.tasks.isEnabled = isEnabled;
    this.#parts.logger.info(`task events are switched ${isEnabled ? 'on' : 'off'} by remote control`);
    return true;
  }
}
