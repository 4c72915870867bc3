/** Signals and exit codes, with a worker that does as the test says. `process.exit` is recorded, not carried out. */
import { CeleriacError, type Logger, silentLogger } from '@celeriac/core';
import { expect } from 'chai';

import { runUntilSignalled } from '../../dist/shutdown.js';
import type { StopReport } from '../../dist/worker-events.js';
import { settled } from '../../../core/dist-test/support/manual-clock.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGTSTP', 'SIGCONT'] as const;
const stopSignals = ['SIGINT', 'SIGTERM'] as const;

describe('runUntilSignalled', () => {
  let calls: string[];
  let lines: string[];
  let report: StopReport;
  const exit = Object.getOwnPropertyDescriptor(process, 'exit') ?? {};
  const others = new Map<string, NodeJS.SignalsListener[]>();
  const record = (line: string): void => void lines.push(line);
  const logger: Logger = { ...silentLogger, info: record, warn: record, error: record };

  beforeEach(() => {
    calls = [];
    lines = [];
    report = { drained: true, unfinished: 0 };
    // The test runner listens too, and would end the run.
    for (const signal of signals) {
      others.set(signal, process.listeners(signal));
      process.removeAllListeners(signal);
    }
    process.exit = ((code: number) => void calls.push(`exit ${code}`)) as never;
  });
  afterEach(() => {
    Object.defineProperty(process, 'exit', exit);
    process.exitCode = undefined;
    for (const signal of signals) {
      process.removeAllListeners(signal);
      for (const listener of others.get(signal) ?? []) process.on(signal, listener);
    }
  });

  const worker = (start: Promise<unknown> = Promise.resolve(), stopped?: Promise<unknown>) => ({
    start: () => {
      calls.push('start');
      return start;
    },
    quiet: () => {
      calls.push('quiet');
      return Promise.resolve();
    },
    resume: () => {
      calls.push('resume');
      return Promise.resolve();
    },
    stop: async () => {
      calls.push('stop');
      await stopped;
      return report;
    },
  });

  for (const signal of stopSignals) {
    it(`stops at ${signal}, and not before, with 0 when everything was done`, async () => {
      const code = runUntilSignalled(worker(), logger);
      await settled();
      expect(calls).to.deep.equal(['start']);

      process.emit(signal);
      expect(await code).to.equal(0);
      expect(process.exitCode).to.equal(0);
      expect(calls).to.deep.equal(['start', 'stop']);
    });
  }

  it('ends the process with 75 when handlers are left unfinished', async () => {
    report = { drained: false, unfinished: 2 };
    const code = runUntilSignalled(worker(), logger);
    process.emit('SIGTERM');

    expect(await code).to.equal(75);
    expect(process.exitCode).to.equal(75);
    expect(calls).to.deep.equal(['start', 'stop', 'exit 75']);
  });

  const failures: readonly (readonly [string, unknown, number])[] = [
    ['what a person has to change', new CeleriacError('ERR_CONFIG_INVALID', { message: 'x' }), 78],
    ['a refused user', new CeleriacError('ERR_ACCESS_REFUSED', { message: 'x' }), 78],
    ['what may pass', new CeleriacError('ERR_CONNECTION_LOST', { message: 'x' }), 70],
    ['a defect', new TypeError('x'), 70],
    ['something that is no error', undefined, 70],
  ];
  for (const [what, error, expected] of failures) {
    it(`gives ${expected} when it cannot start because of ${what}, without waiting for a signal`, async () => {
      expect(await runUntilSignalled(worker(Promise.reject(error)), logger)).to.equal(expected);
      expect(process.exitCode).to.equal(expected);
      expect(calls).to.deep.equal(['start']);
      expect(lines).to.deep.equal(['cannot start']);
    });
  }

  it('makes the worker quiet at SIGTSTP and lets it resume at SIGCONT, which means nothing otherwise', async () => {
    const code = runUntilSignalled(worker(), logger);
    await settled();
    process.emit('SIGCONT');
    process.emit('SIGTSTP');
    process.emit('SIGCONT');
    process.emit('SIGCONT');
    await settled();
    expect(calls).to.deep.equal(['start', 'quiet', 'resume']);

    process.emit('SIGTERM');
    expect(await code).to.equal(0);
  });

  it('logs a signal that comes before the worker can heed it', async () => {
    const early = { ...worker(), quiet: () => Promise.reject(new Error('not started')) };
    const code = runUntilSignalled(early, logger);
    process.emit('SIGTSTP');
    await settled();
    expect(lines).to.deep.equal(['signal not heeded']);

    process.emit('SIGTERM');
    expect(await code).to.equal(0);
  });

  it('stops a worker that is still starting', async () => {
    const code = runUntilSignalled(worker(new Promise(() => undefined)), logger);
    process.emit('SIGTERM');

    expect(await code).to.equal(0);
    expect(calls).to.deep.equal(['start', 'stop']);
  });

  it('ends at once at a second signal, with 128 and the number of that signal', async () => {
    let finish: () => void = () => undefined;
    const stopping = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const code = runUntilSignalled(worker(Promise.resolve(), stopping), logger);
    process.emit('SIGTERM');
    await settled();
    process.emit('SIGINT');
    expect(calls).to.deep.equal(['start', 'stop', 'exit 130']);
    process.emit('SIGTERM');
    expect(calls).to.deep.equal(['start', 'stop', 'exit 130', 'exit 143']);

    finish();
    await code;
  });

  it('listens to signals while it runs only', async () => {
    const counts = (): number[] => signals.map((signal) => process.listenerCount(signal));
    const code = runUntilSignalled(worker(), logger);
    expect(counts()).to.deep.equal([1, 1, 1, 1]);
    process.emit('SIGINT');
    await code;

    expect(counts()).to.deep.equal([0, 0, 0, 0]);
  });

  it('says only once that a pipe is broken: it may be the one of the log', async () => {
    const before = process.listeners('uncaughtException');
    const ended = runUntilSignalled(worker(), logger);
    const own = process.listeners('uncaughtException').filter((one) => !before.includes(one));
    const broken = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    for (const error of [broken, broken, new Error('another'), broken])
      for (const listener of own) listener(error, 'uncaughtException');

    expect(await ended).to.equal(70);
    expect(lines.filter((line) => line.startsWith('an exception'))).to.have.length(2);
  });
});
