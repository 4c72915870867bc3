/**
 * Send, consume, dead-letter and shut down, with the connection cut after every single frame. What holds: nothing
 * confirmed is lost (I1), a cut costs one more copy at most (I2), every promise settles (I4), consumers are back (I5),
 * and no delivery is settled on another channel than its own (I8).
 */
import type { DevBroker } from '@celeriac/dev-broker';
import { createPublisher, type Publisher } from '@celeriac/publisher';
import { createWorker, type RetryOptions, type Worker } from '@celeriac/worker';
import { expect } from 'chai';

import { chosenIo } from '../support/chosen-io.js';
import { type CutReport, cutEverywhere, type CutWorld } from '../support/cuts.js';
import { waitFor } from '../support/wait-for.js';

const ids = ['a', 'b', 'c'] as const;

function configFor(broker: DevBroker) {
  return {
    events: { connection_string: broker.url, reconnect_max_delay: '100ms' },
    // A hundred frames in the background, which nobody waits for, and looking for a list that may not be there.
    tasks: { delayed_delivery_ahead: false },
    task_handler: { remote_control: 'off' as const, heartbeat_interval: 0 },
  };
}

function openPublisher(broker: DevBroker): Promise<Publisher> {
  return createPublisher({ config: configFor(broker), env: {} });
}

async function fill(broker: DevBroker): Promise<void> {
  const publisher = await openPublisher(broker);
  await Promise.all(ids.map((id) => publisher.send('work', [id], { id })));
  await publisher.close();
}

function idsIn(broker: DevBroker, queue: string): string[] {
  return broker
    .messages(queue)
    .map(({ properties }) => properties.messageId ?? '')
    .sort();
}

/** Each of them, once or twice and no more. */
function expectEach(found: readonly string[]): void {
  expect([...new Set(found)].sort(), 'lost or unknown').to.deep.equal([...ids]);
  for (const id of ids) expect(found.filter((one) => one === id).length, `copies of ${id}`).to.be.at.most(2);
}

/** I8: RabbitMQ answers the settlement of what is not its own by closing the channel. */
function watchChannels(broker: DevBroker): () => void {
  let closed = 0;
  const forget = broker.faults.onStep(({ direction, frame }) => {
    if (direction === 'sent' && frame === 'channel.close') closed++;
  });
  return () => {
    forget();
    expect(closed, 'channels closed by the broker').to.equal(0);
  };
}

async function untilSettled(broker: DevBroker): Promise<void> {
  const left = (): number => broker.queues().find(({ name }) => name === 'celeriac')?.messages ?? 0;
  await waitFor(() => left() === 0, { what: 'the queue to become empty' });
}

function expectAllStruck({ steps, struck, broken }: CutReport): void {
  expect(broken.join('\n')).to.equal('');
  expect(steps).to.be.at.least(8);
  // A run may take a frame less than the one that was counted: acknowledgements go together when they can.
  expect(struck).to.be.at.least(steps - 5);
}

describe('a connection that is cut after every frame', function () {
  it('of sending', async function () {
    const report = await cutEverywhere(async ({ broker, cut }: CutWorld) => {
      await cut(async () => {
        const publisher = await openPublisher(broker);
        await Promise.all(ids.map((id) => publisher.send('work', [id], { id })));
        await publisher.close();
      });
      expectEach(idsIn(broker, 'celeriac'));
    });
    expectAllStruck(report);
  });

  it('of consuming', async function () {
    const report = await cutEverywhere(async ({ broker, cut }: CutWorld) => {
      await fill(broker);
      const ran: string[] = [];
      const expectNoneClosed = watchChannels(broker);
      await cut(() =>
        working(broker, (id) => ran.push(id), {
          until: async (worker) => {
            await untilSettled(broker);
            const consumers = () => broker.consumers().filter(({ queue }) => queue === 'celeriac');
            await waitFor(() => consumers().length === 1, { what: 'the consumer to be back' });
            await worker.stop();
          },
        }),
      );
      expectNoneClosed();
      expectEach(ran);
      expect(idsIn(broker, 'celeriac.dead-letter')).to.deep.equal([]);
    });
    expectAllStruck(report);
  });

  it('of dead-lettering', async function () {
    const report = await cutEverywhere(async ({ broker, cut }: CutWorld) => {
      await fill(broker);
      const expectNoneClosed = watchChannels(broker);
      const fail = (): never => {
        throw new Error('no');
      };
      await cut(() =>
        working(broker, fail, {
          until: async (worker) => {
            await untilSettled(broker);
            await worker.stop();
          },
        }),
      );
      expectNoneClosed();
      expectEach(idsIn(broker, 'celeriac.dead-letter'));
    });
    expectAllStruck(report);
  });

  it('of a retry, and of dead-lettering after it', async function () {
    const report = await cutEverywhere(
      async ({ broker, cut }: CutWorld) => {
        await fill(broker);
        let attempts = 0;
        const expectNoneClosed = watchChannels(broker);
        await cut(() =>
          working(
            broker,
            () => {
              attempts++;
              throw new Error('no');
            },
            {
              retry: { max: 1, delay: '1s', backoff: 'fixed', jitter: false },
              until: async (worker) => {
                await waitFor(() => idsIn(broker, 'celeriac.dead-letter').length >= ids.length, {
                  what: 'the dead letters',
                });
                await untilSettled(broker);
                await worker.stop();
              },
            },
          ),
        );
        expectNoneClosed();
        // A cut between the retry and the ack of what it copies makes two of one, each with its attempts.
        const letters = idsIn(broker, 'celeriac.dead-letter');
        expectEach([...letters, ...idsIn(broker, 'celeriac')]);
        expect(attempts, 'attempts').to.be.within(ids.length * 2, ids.length * 4);
      },
      // Declaring the 28 delay queues is hundreds of frames, and cut elsewhere.
      { frames: ({ frame }) => /^(?:basic|header|body)/u.test(frame) },
    );
    expectAllStruck(report);
  });

  it('of shutting down', async function () {
    const report = await cutEverywhere(async ({ broker, cut }: CutWorld) => {
      await fill(broker);
      const started: string[] = [];
      const ended: string[] = [];
      let goOn = (): void => undefined;
      const mayEnd = new Promise<void>((resolve) => (goOn = resolve));
      const expectNoneClosed = watchChannels(broker);
      const handle = async (id: string): Promise<void> => {
        started.push(id);
        await mayEnd;
        ended.push(id);
      };
      await working(broker, handle, {
        until: async (worker) => {
          await waitFor(() => started.length === ids.length, { what: 'all to be started' });
          await cut(async () => {
            const stopped = worker.stop();
            setImmediate(() => goOn());
            expect((await stopped).drained, 'drained').to.equal(true);
          });
        },
      });
      expectNoneClosed();
      await waitFor(() => broker.connections.length === 0, { what: 'the connections to be gone' });
      // What was not acknowledged before the cut waits for the next worker: it runs again.
      const again = idsIn(broker, 'celeriac');
      expectEach([...ended, ...again]);
      expect(ended.length, 'ended').to.equal(ids.length);
    });
    expectAllStruck(report);
  });
});

/** The first worker dies somewhere on its way, a second one finds what it left. */
async function takenOver({ broker, cut, death }: CutWorld, handle: (id: string) => unknown): Promise<void> {
  await fill(broker);
  await cut(async () => {
    const first = newWorker(broker, handle);
    const work = first.start().then(() => untilSettled(broker));
    work.catch(() => undefined); // it is stopped in the middle of it
    await Promise.race([work, death]);
    await first.stop({ grace: 0 });
  });
  broker.faults.clear();
  await working(broker, handle, { until: () => untilSettled(broker) });
}

describe('a worker that dies after every frame', function () {
  it('of consuming leaves everything for the next', async function () {
    const report = await cutEverywhere(
      async (world) => {
        const ran: string[] = [];
        await takenOver(world, (id) => ran.push(id));
        expectEach(ran);
        expect(idsIn(world.broker, 'celeriac.dead-letter')).to.deep.equal([]);
      },
      { forGood: true },
    );
    expectAllStruck(report);
  });

  it('of dead-lettering leaves everything for the next', async function () {
    const report = await cutEverywhere(
      async (world) => {
        await takenOver(world, () => {
          throw new Error('no');
        });
        expectEach(idsIn(world.broker, 'celeriac.dead-letter'));
      },
      { forGood: true },
    );
    expectAllStruck(report);
  });
});

interface Working {
  readonly retry?: RetryOptions;
  readonly until: (worker: Worker) => Promise<void>;
}

async function working(
  broker: DevBroker,
  handle: (id: string) => unknown,
  { until, retry }: Working,
): Promise<void> {
  const worker = newWorker(broker, handle, retry);
  await worker.start();
  try {
    await until(worker);
  } finally {
    await worker.stop();
  }
}

function newWorker(broker: DevBroker, handle: (id: string) => unknown, retry?: RetryOptions): Worker {
  const worker = createWorker({ config: configFor(broker), env: chosenIo });
  worker.task('work', handle, retry === undefined ? {} : { retry });
  return worker;
}
