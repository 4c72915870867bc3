/** The tools the other tests rest on: each does what its name says, or those tests prove nothing. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { rejection } from '../support/clients.js';
import { accepts } from '../support/free-port.js';
import { openResources, processExists } from '../support/leaks.js';
import { run, start } from '../support/processes.js';
import { Rabbit } from '../support/rabbit.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';

const orphanMaker = fileURLToPath(new URL('../support/programs/orphan-maker.js', import.meta.url));

describe('a private RabbitMQ node', function () {
  let rabbit: Rabbit;
  let running = false;

  before(async function () {
    requireRabbit(this);
    rabbit = await Rabbit.start();
    running = true;
  });

  after(async () => {
    if (running) await rabbit.stop();
  });

  it('keeps durable messages over a crash and a restart', async () => {
    await using vhost = await Vhost.create(rabbit);
    const channel = await (await vhost.raw()).createChannel();
    await channel.assertQueue('kept', { durable: true });
    await vhost.publish('kept', 'hello');
    await rabbit.flush();
    await rabbit.crash();
    await rabbit.up();

    const [message] = await vhost.take('kept');

    expect(message?.content.toString()).to.equal('hello');
  });

  it('raises the memory alarm and clears it, and clients are told', async () => {
    await using vhost = await Vhost.create(rabbit);
    const connection = await vhost.raw();
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('alarmed');
    const blocked = once(connection, 'blocked');
    const unblocked = once(connection, 'unblocked');

    await rabbit.memoryAlarm(true);
    channel.sendToQueue('alarmed', Buffer.from('waits'));
    const [reason] = (await blocked) as [string];
    await rabbit.memoryAlarm(false);
    await unblocked;
    await channel.waitForConfirms();

    expect(reason).to.match(/memory/u);
    expect(await vhost.depth('alarmed')).to.equal(1);
  });

  it('closes the connections of every virtual host', async () => {
    await using vhost = await Vhost.create(rabbit);
    const connection = await vhost.raw();
    const closed = once(connection, 'close'); // amqplib takes an operator's close for no error

    await rabbit.closeConnections('harness');

    expect(String((await closed)[0])).to.match(/CONNECTION_FORCED.*harness/u);
  });

  it('answers nothing while paused, and answers after', async () => {
    await using vhost = await Vhost.create(rabbit);
    const connection = await vhost.raw();
    const channel = await connection.createChannel();
    let answered = false;

    rabbit.pause();
    const declared = channel.assertQueue('late').then(() => {
      answered = true;
    });
    // The operating system still accepts for it: proof that it was asked, and is there.
    expect(await accepts(rabbit.port)).to.equal(true);
    const before = answered;
    rabbit.resume();
    await declared;

    expect(before).to.equal(false);
  });

  it('shares nothing with a second one, and leaves no process and no file when stopped', async () => {
    const other = await Rabbit.start();
    const processes = processesOf(other);
    await using theirs = await Vhost.create(other);
    await using ours = await Vhost.create(rabbit);
    await (await (await theirs.raw()).createChannel()).assertQueue('theirs');

    expect((await rejection(ours.depth('theirs'))).message).to.match(/NOT_FOUND/u);
    expect(processes.length, 'epmd and the node at least').to.be.greaterThan(1);

    const files = directoryOf(other);
    await other.stop();

    expect(await accepts(other.port)).to.equal(false);
    await waitFor(() => processes.every((pid) => !processExists(pid)), { what: 'its processes to be gone' });
    expect(existsSync(files)).to.equal(false);
    expect(await accepts(rabbit.port), 'the first one is not touched').to.equal(true);
  });
});

describe('the proxy with faults', () => {
  let echo: Server;
  const seen: Socket[] = [];

  before(async () => {
    echo = createServer((socket) => {
      seen.push(socket);
      socket.on('error', () => undefined);
      socket.pipe(socket);
    });
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
  });

  after(async () => {
    for (const socket of seen) socket.destroy();
    echo.close();
    await once(echo, 'close');
  });

  const proxied = async (): Promise<{ proxy: TcpProxy; client: Socket }> => {
    const proxy = await TcpProxy.start((echo.address() as AddressInfo).port);
    const client = connect(proxy.port, '127.0.0.1');
    await once(client, 'connect');
    return { proxy, client };
  };

  it('passes bytes both ways until it holds them, and then tells neither side', async () => {
    const { proxy, client } = await proxied();
    await using _ = proxy;
    let received = '';
    let ended = false;
    client.on('data', (data) => (received += data.toString()));
    client.on('close', () => (ended = true));
    client.on('error', () => undefined);
    client.write('one');
    await waitFor(() => received === 'one');

    proxy.hold();
    client.write('two');
    // A whole exchange on another connection is longer than these bytes would have taken.
    const direct = connect((echo.address() as AddressInfo).port, '127.0.0.1');
    direct.write('ping');
    await once(direct, 'data');
    direct.destroy();

    expect({ received, ended, open: proxy.open }).to.deep.equal({ received: 'one', ended: false, open: 1 });
  });

  it('resets connections: the client sees ECONNRESET, not an end', async () => {
    const { proxy, client } = await proxied();
    await using _ = proxy;
    client.write('one');
    await once(client, 'data');
    const failed = once(client, 'error');

    proxy.reset();

    expect((await failed)[0]).to.include({ code: 'ECONNRESET' });
    await waitFor(() => proxy.open === 0);
  });

  it('accepts and says nothing when silenced, and connects nowhere', async () => {
    const proxy = await TcpProxy.start((echo.address() as AddressInfo).port);
    await using _ = proxy;
    const known = seen.length;
    proxy.silence();
    const client = connect(proxy.port, '127.0.0.1');
    client.on('error', () => undefined);
    client.write('anyone?');
    await waitFor(() => proxy.accepted === 1);

    expect(seen.length).to.equal(known);
    expect(proxy.open).to.equal(1);
  });
});

describe('programs of tests', () => {
  it('hand over everything they wrote, up to their last line', async () => {
    const code = `for (let i = 0; i < 20000; i++) console.log('line ' + i); console.error('last')`;

    const output = await run(process.execPath, ['--eval', code]);

    expect(output).to.include('line 19999\n').and.include('last\n');
  });

  it('fail a wait for a line at once when they end, with what they wrote', async () => {
    const program = start(process.execPath, ['--eval', `console.log('no such thing'); process.exitCode = 3`]);

    const error = await rejection(program.line(/ready/u, 3_600_000));

    expect(error.message).to.match(/it has ended.*no such thing/su);
    expect(await program.exited).to.equal(3);
  });

  it('end with the test run that started them, even when it is killed', async () => {
    const testRun = start(process.execPath, [orphanMaker]);
    const child = Number((await testRun.line(/^child \d+$/u)).split(' ')[1]);
    expect(processExists(child)).to.equal(true);

    process.kill(testRun.pid, 'SIGKILL');

    expect(await testRun.exited).to.equal('SIGKILL');
    await waitFor(() => !processExists(child), { what: `process ${child} to be gone` });
  });

  it('leave no socket and no process of their own in this one', async () => {
    const before = openResources();
    const program = start(process.execPath, ['--eval', 'setTimeout(() => {}, 3_600_000)']);
    const during = openResources();
    await program.stop();

    expect(during.ProcessWrap).to.equal((before.ProcessWrap ?? 0) + 1);
    await waitFor(() => (openResources().ProcessWrap ?? 0) === (before.ProcessWrap ?? 0));
    await waitFor(() => (openResources().PipeWrap ?? 0) <= (before.PipeWrap ?? 0));
  });
});

/** Everything whose environment carries the node's name: epmd, its shell, Erlang. */
function processesOf(rabbit: Rabbit): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/u.test(entry) && environmentOf(entry).includes(`t${rabbit.port}@localhost`))
    .map(Number);
}

function directoryOf(rabbit: Rabbit): string {
  const [pid] = processesOf(rabbit);
  return /(?:^|\0)HOME=([^\0]+)/u.exec(environmentOf(String(pid)))?.[1] ?? '';
}

function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return ''; // ended, or another user's
  }
}
