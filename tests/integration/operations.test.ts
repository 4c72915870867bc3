/** Running a worker in production: quiet and resume, health endpoints, and errors that nobody catches. */
import { connect } from 'node:net';

import { createWorker } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { addressOf, get, Scene, startWorker, through } from '../support/ops-scene.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';

const tasks = { default_queue: 'q' } as const;

describe('a worker in production', function () {
  before(function () {
    requireRabbit(this);
  });

  it('that is quiet ends what it has and takes nothing more, says so, and resumes', async () => {
    await using scene = await Scene.open();
    const { worker, vhost } = scene;
    const { id } = await scene.send('held', scene.file('go'));
    await worker.line(/HELD started/u);

    worker.kill('SIGTSTP');
    await worker.line(/^QUIET/u);
    await scene.send('quick');

    await waitFor(async () => (await vhost.depth('q')) === 1, { what: 'the next task to stay in its queue' });
    const quiet = await scene.get('/readyz');
    expect(quiet.status).to.equal(503);
    expect(quiet.body).to.include({ status: 'not ready', phase: 'quiet', inHand: 1 });
    expect((await scene.get('/healthz')).status).to.equal(200);
    await scene.release('go');
    await worker.line(new RegExp(`SETTLED succeeded ${id}`, 'u'));
    expect(await vhost.depth('q')).to.equal(1);

    worker.kill('SIGCONT');
    await worker.line(/^QUICK/u);
    await waitFor(async () => (await scene.get('/readyz')).status === 200, { what: 'it to be ready again' });
    worker.kill('SIGTERM');
    expect(await worker.exited).to.equal(0);
  });

  it('stays quiet over a lost connection, and resumes on the next one', async () => {
    await using vhost = await Vhost.create();
    await using proxy = await TcpProxy.start(vhost.rabbit.port);
    await using watched = new WatchedWorker(configFor(through(proxy, vhost), { tasks }));
    watched.worker.task('quick', () => undefined);
    await watched.worker.start();
    await watched.worker.quiet();
    proxy.reset();
    await waitFor(() => watched.restored.length > 1, { what: 'another connection' });
    await using client = await WatchedPublisher.open(configFor(vhost.url, { tasks }));
    const { id } = await client.publisher.send('quick');
    expect(watched.worker.health()).to.deep.include({ ready: false, phase: 'quiet' });
    expect(watched.settled).to.deep.equal([]);

    await watched.worker.resume();

    const [settled] = await watched.untilSettled(1);
    expect(settled).to.include({ id, redelivered: false });
    expect(await vhost.consumers('q')).to.equal(1);
  });

  it('subscribes once, however often it is made quiet and resumed at the same time', async () => {
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(configFor(vhost.url, { tasks }));
    watched.worker.task('quick', () => undefined);
    await watched.worker.start();
    const { worker } = watched;

    await Promise.all([worker.quiet(), worker.resume(), worker.quiet(), worker.resume(), worker.resume()]);

    await waitFor(() => worker.health()?.ready, { what: 'it to be ready' });
    expect(await vhost.consumers('q')).to.equal(1);
    await Promise.all([worker.resume(), worker.quiet()]);
    await waitFor(async () => (await vhost.consumers('q')) === 0, { what: 'it to be quiet' });
  });

  it('cannot be made quiet before it has started, nor after it has stopped', async () => {
    await using vhost = await Vhost.create();
    const watched = new WatchedWorker(configFor(vhost.url, { tasks }));
    watched.worker.task('quick', () => undefined);
    expect(await rejection(watched.worker.quiet())).to.include({ code: 'ERR_WORKER_STATE' });
    await watched.worker.start();
    await watched.worker.quiet();
    await watched.worker.stop();
    expect(await rejection(watched.worker.resume())).to.include({ code: 'ERR_WORKER_STATE' });
  });

  it('is not ready before it consumes, and says why, without the password', async () => {
    const worker = startWorker('amqp://guest:canary-5ecret@127.0.0.1:1//');
    try {
      const address = await addressOf(worker);
      const told = await waitFor(async () => {
        const now = await get(address, '/readyz');
        return now.body.reasons?.some((one) => one.includes('127.0.0.1:1')) === true && now;
      });
      expect(told.status).to.equal(503);
      expect(told.body).to.include({ phase: 'starting' });
      expect(JSON.stringify(told.body)).not.to.include('canary-5ecret');
      expect((await get(address, '/healthz')).status).to.equal(200);
    } finally {
      await worker.stop();
    }
  });

  it('is not ready while one of its queues is not consumed, and is again when it is', async () => {
    await using vhost = await Vhost.create();
    await using proxy = await TcpProxy.start(vhost.rabbit.port);
    await using watched = new WatchedWorker(configFor(through(proxy, vhost), { tasks, http: { port: 0 } }));
    watched.worker.task('quick', () => undefined);
    const { http = '' } = await watched.worker.start();
    expect(await get(http, '/readyz')).to.deep.include({ status: 200 });
    proxy.silence();
    proxy.reset();

    const lost = await waitFor(async () => {
      const now = await get(http, '/readyz');
      return now.status === 503 && now;
    });
    expect(lost.body.reasons?.join(' ')).to.include("The queue 'q' is not consumed");
    proxy.silence(false);
    proxy.reset();
    await waitFor(async () => (await get(http, '/readyz')).status === 200, { what: 'it to be ready again' });
  });

  it('answers while a handler blocks its event loop, names it, and is not alive after too long', async () => {
    await using scene = await Scene.open({ http: { max_block: '4s' } });
    const { id } = await scene.send('busy', scene.file('go'));
    await scene.worker.line(/BUSY started/u);

    const blocked = await waitFor(async () => {
      const now = await scene.get('/healthz');
      return now.body.status === 'blocked' && now;
    });
    expect(blocked.status).to.equal(200);
    expect(blocked.body.eventLoop?.handler).to.equal(`busy ${id}`);
    const unready = await scene.get('/readyz');
    expect(unready.status).to.equal(503);
    expect(unready.body.reasons?.join(' ')).to.include('event loop');
    const dead = await waitFor(async () => {
      const now = await scene.get('/healthz');
      return now.status === 503 && now;
    });
    expect(dead.body.status).to.equal('not alive');

    await scene.release('go');
    await waitFor(async () => (await scene.get('/healthz')).body.status === 'alive', { what: 'it to live' });
    await waitFor(async () => (await scene.get('/readyz')).status === 200, { what: 'it to be ready' });
  });

  it('answers GET and HEAD only, never to be stored, and no other page', async () => {
    await using watched = new WatchedWorker(configFor('amqp://127.0.0.1:1//', { http: { port: 0 } }));
    watched.worker.task('quick', () => undefined);
    const starting = rejection(watched.worker.start());
    const [line] = await waitFor(() => {
      const lines = watched.log.matching(/health endpoints/u);
      return lines.length > 0 && lines;
    });
    const address = (line as unknown as { readonly url: string }).url;

    const post = await fetch(`${address}/readyz`, { method: 'POST', body: 'x' });
    expect([post.status, post.headers.get('allow')]).to.deep.equal([405, 'GET, HEAD']);
    const head = await fetch(`${address}/healthz`, { method: 'HEAD' });
    expect([head.status, await head.text()]).to.deep.equal([200, '']);
    expect(head.headers.get('cache-control')).to.equal('no-store');
    expect((await get(address, '/metricsx')).status).to.equal(404);
    await watched.worker.stop();
    expect(await starting).to.include({ code: 'ERR_CLOSED' });
    expect(await rejection(fetch(`${address}/healthz`))).to.be.instanceOf(TypeError);
  });

  it('closes connections that say nothing, and those above its most', async () => {
    await using watched = new WatchedWorker(configFor('amqp://127.0.0.1:1//', { http: { port: 0 } }));
    watched.worker.task('quick', () => undefined);
    watched.worker.start().catch(() => undefined);
    const [line] = await waitFor(() => {
      const lines = watched.log.matching(/health endpoints/u);
      return lines.length > 0 && lines;
    });
    const port = Number(new URL((line as unknown as { readonly url: string }).url).port);
    let closed = 0;
    const sockets = Array.from({ length: 80 }, () =>
      connect(port, '127.0.0.1')
        .on('error', () => undefined)
        .on('close', () => closed++)
        .resume(),
    );
    await waitFor(() => closed >= 16, { what: 'those above its most to be closed' });
    await waitFor(() => closed === 80, { what: 'the silent ones to be closed' });
    for (const socket of sockets) socket.destroy();
  });

  it('does not start on a port that is taken, nor on an open address that is not allowed', async () => {
    await using vhost = await Vhost.create();
    await using first = new WatchedWorker(configFor(vhost.url, { tasks, http: { port: 0 } }));
    first.worker.task('quick', () => undefined);
    const { http = '' } = await first.worker.start();
    const port = Number(new URL(http).port);

    for (const [given, code] of [
      [{ port }, 'ERR_PORT_TAKEN'],
      [{ port: 0, host: '0.0.0.0' }, 'ERR_BIND_REFUSED'],
    ] as const) {
      const second = createWorker({ config: configFor(vhost.url, { tasks, http: given }), env: {} });
      second.task('quick', () => undefined);
      expect(await rejection(second.start())).to.include({ code });
    }
    await using open = new WatchedWorker(
      configFor(vhost.url, { tasks, http: { port: 0, host: '0.0.0.0', allow_remote: true } }),
    );
    open.worker.task('quick', () => undefined);
    expect((await open.worker.start()).http).to.match(/^http:\/\/0\.0\.0\.0:\d+$/u);
  });

  it('lives on after a rejection that nobody awaits and a listener that throws; the other tasks end well', async () => {
    await using scene = await Scene.open();
    const { worker } = scene;
    for (let n = 0; n < 3; n++) await scene.send('held', scene.file('go'));
    await waitFor(() => worker.output().match(/HELD started/gu)?.length === 3);

    const { id } = await scene.send('stray');

    const line = JSON.parse(await worker.line(/a promise was rejected that nobody awaits/u)) as object;
    expect(line).to.include({ level: 'error', task: 'stray', id });
    await scene.release('go');
    await waitFor(() => worker.output().match(/SETTLED succeeded/gu)?.length === 4);
    expect(worker.output()).to.include('a listener threw');
    worker.kill('SIGTERM');
    expect(await worker.exited).to.equal(0);
  });

  it('stops after an exception that nobody caught: what runs ends, and it exits with 70', async () => {
    await using scene = await Scene.open();
    const { worker, vhost } = scene;
    for (let n = 0; n < 3; n++) await scene.send('held', scene.file('go'));
    await waitFor(() => worker.output().match(/HELD started/gu)?.length === 3);

    const { id } = await scene.send('timer');
    const line = JSON.parse(await worker.line(/an exception that nobody caught/u)) as object;
    expect(line).to.include({ level: 'error', task: 'timer', id });
    await scene.release('go');

    expect(await worker.exited).to.equal(70);
    expect(worker.output().match(/SETTLED succeeded/gu)).to.have.length(4);
    expect(await vhost.depth('q')).to.equal(0);
  });
});
