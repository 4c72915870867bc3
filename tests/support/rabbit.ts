/**
 * A private RabbitMQ node: own ports, own data, own port mapper (epmd), own cookie; nothing of the machine's own
 * service is touched. Started and stopped by process id.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePorts } from './free-port.js';
import { PortMapper } from './port-mapper.js';
import { run, type Running, start } from './processes.js';
import { waitFor } from './wait-for.js';

export interface RabbitOptions {
  /** Lines of rabbitmq.conf. */
  readonly config?: readonly string[];
  /** Where it finds the other nodes of its cluster, and the cookie they share. Default: a mapper and cookie of its own. */
  readonly cluster?: { readonly mapper: PortMapper; readonly cookie: string };
}

/** The directory of RabbitMQ's own scripts: the wrappers in /usr/sbin insist on another user. */
export function rabbitBin(): string | undefined {
  const places = ['/usr/lib/rabbitmq/bin', '/opt/homebrew/opt/rabbitmq/sbin', '/usr/local/opt/rabbitmq/sbin'];
  const versioned = existsSync('/usr/lib/rabbitmq/lib')
    ? readdirSync('/usr/lib/rabbitmq/lib').map((name) => `/usr/lib/rabbitmq/lib/${name}/sbin`)
    : [];
  return [...places, ...versioned].find((place) => existsSync(join(place, 'rabbitmq-server')));
}

export class Rabbit {
  readonly port: number;
  #directory: string;
  #env: NodeJS.ProcessEnv;
  #bin: string;
  /** Stopped with the node; a cluster's is the cluster's. */
  #ownMapper: PortMapper | undefined;
  #node: Running | undefined;

  private constructor(parts: {
    port: number;
    directory: string;
    env: NodeJS.ProcessEnv;
    bin: string;
    ownMapper: PortMapper | undefined;
  }) {
    this.port = parts.port;
    this.#ownMapper = parts.ownMapper;
    this.#directory = parts.directory;
    this.#env = parts.env;
    this.#bin = parts.bin;
  }

  static async start(options: RabbitOptions = {}): Promise<Rabbit> {
    for (let attempt = 1; ; attempt++) {
      const rabbit = await Rabbit.#prepare(options);
      try {
        await rabbit.#up();
        return rabbit;
      } catch (error) {
        await rabbit.stop();
        // A port that was free a moment ago can be taken by now.
        if (attempt === 3 || !/eaddrinuse/iu.test(String(error))) throw error;
      }
    }
  }

  static async #prepare({ config = [], cluster }: RabbitOptions): Promise<Rabbit> {
    const bin = rabbitBin();
    if (bin === undefined) throw new Error('rabbitmq-server is not installed');
    const directory = await mkdtemp(join(tmpdir(), 'celeriac-rabbit-'));
    if (cluster !== undefined)
      await writeFile(join(directory, '.erlang.cookie'), cluster.cookie, { mode: 0o400 });
    const ownMapper = cluster === undefined ? await PortMapper.start() : undefined;
    const mapper = ownMapper ?? cluster?.mapper;
    const [port, dist] = (await freePorts(2)) as [number, number];
    const lines = [`listeners.tcp.default = 127.0.0.1:${port}`, 'log.file.level = warning', ...config];
    await writeFile(join(directory, 'rabbitmq.conf'), `${lines.join('\n')}\n`);
    await writeFile(join(directory, 'plugins'), '[].\n');
    const env = {
      ...process.env,
      HOME: directory,
      LC_ALL: 'C.UTF-8',
      ERL_EPMD_PORT: String(mapper?.port),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_NODENAME: `t${port}@localhost`,
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_DIST_PORT: String(dist),
      RABBITMQ_MNESIA_BASE: join(directory, 'data'),
      RABBITMQ_LOG_BASE: join(directory, 'log'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'plugins'),
      RABBITMQ_PID_FILE: join(directory, 'pid'),
      RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq.conf'),
      RABBITMQ_CONF_ENV_FILE: join(directory, 'none'),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}',
    };
    return new Rabbit({ port, directory, env, bin, ownMapper });
  }

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.port}//`;
  }

  /** For another user or virtual host. */
  urlFor({
    user = 'guest',
    password = 'guest',
    vhost = '/',
  }: {
    user?: string;
    password?: string;
    vhost?: string;
  }): string {
    return `amqp://${user}:${password}@127.0.0.1:${this.port}/${encodeURIComponent(vhost)}`;
  }

  /** Its name among nodes. */
  get name(): string {
    return `t${this.port}@localhost`;
  }

  get isUp(): boolean {
    return this.#node !== undefined;
  }

  /** rabbitmqctl against this node. */
  ctl(...args: string[]): Promise<string> {
    return this.#tool('rabbitmqctl', args);
  }

  /** rabbitmq-queues against this node. */
  queues(...args: string[]): Promise<string> {
    return this.#tool('rabbitmq-queues', args);
  }

  /** What it has written into its log. */
  async log(): Promise<string> {
    const file = join(this.#directory, 'log', `${this.name}.log`);
    return readFile(file, 'utf8').catch(() => '');
  }

  #tool(name: string, args: readonly string[]): Promise<string> {
    return run(join(this.#bin, name), ['--quiet', ...args], { env: this.#env });
  }

  async stop(): Promise<void> {
    await this.down();
    await this.#ownMapper?.stop();
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Stops the node; its data stays. */
  async down(): Promise<void> {
    await this.#node?.stop();
    this.#node = undefined;
  }

  /** Ends the node at once. A queue declared just before may be lost with it: see `flush`. */
  async crash(): Promise<void> {
    this.#node?.kill('SIGKILL');
    await this.#node?.exited;
    this.#node = undefined;
  }

  /** Writes what RabbitMQ knows of queues and exchanges to disk, which it otherwise does a while after it said ok. */
  async flush(): Promise<void> {
    await this.ctl('eval', 'mnesia:sync_log().');
  }

  /** Starts it again with the same data and port. */
  async up(): Promise<void> {
    if (this.#node === undefined) await this.#up();
  }

  async restart(): Promise<void> {
    await this.down();
    await this.up();
  }

  /** Stops the node's processes in their tracks, and lets them go on. */
  pause(): void {
    this.#node?.kill('SIGSTOP');
  }

  resume(): void {
    this.#node?.kill('SIGCONT');
  }

  /** Closes every client connection (CONNECTION_FORCED). */
  async closeConnections(reason = 'test'): Promise<void> {
    await this.ctl('close_all_connections', '--global', reason); // without it: of the virtual host / only
  }

  /** The same, several times in a row, `everyMs` apart. */
  async closeConnectionsRepeatedly(times: number, everyMs: number): Promise<void> {
    await this.ctl(
      'eval',
      `[begin [rabbit_networking:close_connection(C, <<"test">>) || C <- rabbit_networking:connections()],
        timer:sleep(${everyMs}) end || _ <- lists:seq(1, ${times})].`,
    );
  }

  /** Raises the memory alarm, which blocks publishers; or clears it. */
  async memoryAlarm(on: boolean): Promise<void> {
    await this.ctl('set_vm_memory_high_watermark', on ? '0.0000001' : '0.6');
  }

  async deleteQueue(queue: string): Promise<void> {
    await this.ctl('delete_queue', queue);
  }

  /** `name → messages` (ready and unacknowledged) of a virtual host. */
  async depths(vhost = '/'): Promise<Map<string, number>> {
    const lines = (
      await this.ctl('list_queues', '-p', vhost, 'name', 'messages', '--no-table-headers')
    ).trim();
    return new Map(
      lines
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split('\t'))
        .map(([name, messages]) => [name ?? '', Number(messages)]),
    );
  }

  /** Columns of `list_connections`, one record each. */
  async connections(...columns: string[]): Promise<Record<string, string>[]> {
    const lines = (await this.ctl('list_connections', ...columns, '--no-table-headers')).trim();
    return lines
      .split('\n')
      .filter((line) => line !== '')
      .map((line) =>
        Object.fromEntries(line.split('\t').map((value, index) => [columns[index] ?? '', value])),
      );
  }

  async #up(): Promise<void> {
    this.#node = start(join(this.#bin, 'rabbitmq-server'), [], { env: this.#env, cwd: this.#directory });
    await this.#node.line(/completed with/u);
    await waitFor(() => this.ctl('await_startup'), { what: 'RabbitMQ to be up' });
  }
}
