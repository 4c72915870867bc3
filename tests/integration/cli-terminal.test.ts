/** `celeriac top` and `celeriac status --watch` in a real terminal: cut to its size, and gone without a trace. */
import { fileURLToPath } from 'node:url';

import { type DevBroker, startBroker } from '@celeriac/dev-broker';
import { createPublisher } from '@celeriac/publisher';
import { createWorker, type Worker } from '@celeriac/worker';
import { expect } from 'chai';

import { requireTmux, type Size, Terminal } from '../support/terminal.js';

const main = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));
const small: Size = { columns: 80, rows: 24 };
const large: Size = { columns: 200, rows: 50 };
const longName = `reports.${'very_'.repeat(12)}long`;

describe('celeriac in a terminal', function () {
  let broker: DevBroker | undefined;
  let worker: Worker | undefined;
  let url = '';

  before(async function () {
    requireTmux(this);
    broker = await startBroker();
    url = broker.url;
    const config = {
      events: { connection_string: url },
      task_handler: { node_name: 'shop-1@web3', send_events: true },
    };
    worker = createWorker({ config });
    worker.task(longName, (...args: unknown[]) => args.length);
    worker.task('reports.fail', () => {
      throw new Error('no paper');
    });
    await worker.start();
  });

  after(async () => {
    await worker?.stop();
    await broker?.stop();
  });

  /** Sixty tasks with names and arguments that are wider than the screen. */
  async function work(): Promise<void> {
    await using publisher = await createPublisher({ config: { events: { connection_string: url } } });
    const inputs = Array.from({ length: 60 }, (_, index) => [index, 'x'.repeat(300)]);
    await publisher.sendMany(longName, inputs);
    await publisher.send('reports.fail');
  }

  async function open(more: Record<string, string> = {}): Promise<Terminal> {
    const terminal = await Terminal.open(small, { CELERIAC_EVENTS__CONNECTION_STRING: url, ...more });
    await terminal.type('echo here before');
    await terminal.shows(/^here before$/mu);
    return terminal;
  }

  async function follow(terminal: Terminal, command: string): Promise<void> {
    await terminal.type(`node ${main} ${command}; echo "ended with $?"`);
    await terminal.shows(/^worker +state/mu);
  }

  async function leave(terminal: Terminal): Promise<void> {
    await terminal.press('C-c');
    const shown = await terminal.shows(/^ended with 0$/mu);
    expect(shown.join('\n'))
      .to.match(/^here before$/mu)
      .and.not.match(/^worker +state/mu);
    const facts = ['alternate_on', 'cursor_flag', 'wrap_flag', 'origin_flag'].map((one) =>
      terminal.fact(one),
    );
    expect(await Promise.all(facts)).to.deep.equal(['0', '1', '1', '0']);
  }

  /** Full, none longer than it is wide, and none that goes on in the next. */
  async function expectFits(terminal: Terminal, { columns, rows }: Size): Promise<void> {
    const [asIs, joined] = [await terminal.lines(), await terminal.lines('joined')];
    expect(asIs).to.have.length(rows);
    expect(joined).to.have.length(rows);
    expect(Math.max(...asIs.map((line) => Array.from(line).length))).to.be.at.most(columns);
  }

  it('top fills 80x24 and 200x50 without a wrapped line, in colours, and leaves nothing behind', async () => {
    await using terminal = await open();
    await follow(terminal, 'top --queues --interval 0.3');
    await work();
    const narrow = await terminal.shows(/^reports\.fail +FAILURE/mu);
    await expectFits(terminal, small);
    expect(narrow[0]).to.match(/^\d{4}-\d\d-\d\dT.* events$/u);
    expect(narrow.join('\n'))
      .to.match(/^shop-1@web3 +online/mu)
      .and.match(/^celeriac +task +\d+ +1 +quorum$/mu);
    expect(narrow.at(-1)).to.match(/^reports\.very_.*…$/u);
    const coloured = JSON.stringify(await terminal.lines('coloured'));
    expect(coloured).to.match(/\[31m(?:\\u001b\[\d+m)*reports\.fail/u);

    await terminal.resize(large);

    await terminal.shows(/^(?:.*\n){40}reports\.very_/u);
    await expectFits(terminal, large);
    await leave(terminal);
  });

  it('status shrinks with its terminal, and has no colours under NO_COLOR', async () => {
    await using terminal = await open({ NO_COLOR: '1' });
    await terminal.resize(large);
    await follow(terminal, 'status --watch --interval 0.3 --timeout 0.3');
    await terminal.resize(small);

    await terminal.shows(/^shop-1@web3 +OK/mu);

    await expectFits(terminal, small);
    expect((await terminal.lines('coloured')).join('\n')).not.to.include('\u001b');
    await leave(terminal);
  });

  it('purge says how many there are, and throws them away only for the name', async () => {
    await using publisher = await createPublisher({ config: { events: { connection_string: url } } });
    await publisher.sendMany('any', [1, 2, 3], { queue: 'unwanted' });
    await using terminal = await open();
    for (const [answer, end] of [
      ['yes', /^ended with 2$/mu],
      ['unwanted', /^3 thrown away from unwanted\nended with 0$/mu],
    ] as const) {
      await terminal.type(`clear; node ${main} purge unwanted; echo "ended with $?"`);
      await terminal.shows(
        /3 messages of 'unwanted' would be thrown away for good\. Type its name to go on:/u,
      );
      await terminal.type(answer);
      await terminal.shows(end);
    }
  });
});
