/** The publisher and worker processes of a chaos run: started, killed, stopped, and watched for deaths nobody asked for. */
import { fileURLToPath } from 'node:url';

import { type Running, start } from '../processes.js';
import type { Load } from './load.js';

interface Plan extends Pick<Load, 'queueType' | 'heartbeat' | 'celery'> {
  readonly name: string;
  /** Path. */
  readonly ledger: string;
  readonly url: string;
  readonly queue: string;
}

export interface PublisherPlan
  extends Plan, Pick<Load, 'lanes' | 'perSecond' | 'longestTaskMs' | 'mix' | 'publishTimeout' | 'count'> {
  readonly seed: number;
}

export interface WorkerPlan extends Plan, Pick<Load, 'concurrency' | 'graceSeconds' | 'clockAheadMs'> {}

export interface Member {
  readonly name: string;
  readonly running: Running;
}

export interface FleetOptions {
  readonly ledger: string;
  readonly queue: string;
  readonly load: Load;
  readonly seed: number;
  /** Connection string of the n-th process. */
  readonly url: (index: number) => string;
  /** A command that workers are run by, such as `ip netns exec …`. */
  readonly workersBy?: readonly string[];
}

const program = (name: string): string =>
  fileURLToPath(new URL(`../programs/chaos-${name}.js`, import.meta.url));

export class Fleet implements AsyncDisposable {
  readonly workers: Member[] = [];
  readonly publishers: Member[] = [];
  /** Names of processes that were killed. */
  readonly killed = new Set<string>();
  /** Deaths that nobody asked for, wrong exit codes, each with the end of what was said. */
  readonly broken: string[] = [];
  #options: FleetOptions;
  #asked = new Set<string>();
  #started = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Resolves when it consumes. */
  async addWorker(more: Partial<WorkerPlan> = {}): Promise<Member> {
    const { load, workersBy = [] } = this.#options;
    const plan: WorkerPlan = { ...load, ...this.#plan('w'), ...more };
    return this.#add(this.workers, plan, [...workersBy, process.execPath, program('worker')]);
  }

  /** Resolves when it is connected. */
  async addPublisher(): Promise<Member> {
    const { load, seed } = this.#options;
    const plan = this.#plan('p');
    const own: PublisherPlan = { ...load, ...plan, seed: seed + this.#started };
    return this.#add(this.publishers, own, [process.execPath, program('publisher')]);
  }

  /** SIGKILL, and another one in its place. */
  async replaceWorker(random: () => number): Promise<void> {
    await this.kill(this.workers, random);
    await this.addWorker();
  }

  async kill(members: Member[], random: () => number): Promise<void> {
    const [victim] = members.splice(Math.floor(random() * members.length), 1);
    if (victim === undefined) throw new Error('nobody to kill');
    this.killed.add(victim.name);
    this.#asked.add(victim.name);
    victim.running.kill('SIGKILL');
    await victim.running.exited;
  }

  /** It is going to end itself: taken off the list, and awaited. */
  async untilOneDies(): Promise<void> {
    const dead = await Promise.race(
      this.workers.map(async (one) => {
        this.#asked.add(one.name);
        await one.running.exited;
        return one;
      }),
    );
    this.killed.add(dead.name);
    this.workers.splice(this.workers.indexOf(dead), 1);
    for (const { name } of this.workers) this.#asked.delete(name);
  }

  /** SIGTERM; its exit code must be one of these. Resolves with how long it took, milliseconds. */
  async stop(members: Member[], codes: readonly number[] = [0]): Promise<number> {
    const member = members.shift();
    if (member === undefined) throw new Error('nobody to stop');
    this.#asked.add(member.name);
    const began = performance.now();
    const code = await member.running.stop();
    const ms = performance.now() - began;
    if (!codes.includes(code as number)) this.#report(member, code);
    return ms;
  }

  async stopAll(members: Member[]): Promise<void> {
    await Promise.all(Array.from({ length: members.length }, () => this.stop(members)));
  }

  /** Resolves when every publisher has sent its share and ended. */
  async publishersDone(): Promise<void> {
    for (const { name } of this.publishers) this.#asked.add(name);
    for (const member of this.publishers.splice(0)) {
      const code = await member.running.exited;
      if (code !== 0) this.#report(member, code);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { name, running } of [...this.workers, ...this.publishers]) {
      this.#asked.add(name);
      running.kill('SIGKILL');
      await running.exited;
    }
  }

  #plan(kind: 'w' | 'p'): Plan {
    const { ledger, queue, url, load } = this.#options;
    const index = this.#started++;
    return { ...load, name: `${kind}${index}`, ledger, queue, url: url(index) };
  }

  async #add(members: Member[], plan: Plan, [command, ...args]: readonly string[]): Promise<Member> {
    const running = start(command ?? '', [...args, JSON.stringify(plan)]);
    const member = { name: plan.name, running };
    await running.line(/^ready$/u);
    members.push(member);
    void running.exited.then((code) => {
      if (!this.#asked.has(plan.name)) this.#report(member, code);
    });
    return member;
  }

  #report({ name, running }: Member, code: number | string): void {
    this.broken.push(`${name} ended with ${code}: ${running.output().slice(-1500)}`);
  }
}
