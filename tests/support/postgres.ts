/**
 * A private PostgreSQL: own data, own Unix socket, no port. Started and stopped by process id. It refuses to run as
 * root: then it runs as the user of its package, or as nobody.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { run, type Running, start } from './processes.js';

/** The directory of its programs: Debian keeps them out of the path. */
function postgresBin(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const places = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  return places.find((place) => ['initdb', 'postgres'].every((name) => existsSync(join(place, name))));
}

/** Skips loudly without PostgreSQL on a laptop, fails in CI. For `before`. */
export function requirePostgres(context: Mocha.Context): void {
  if (postgresBin() !== undefined) return;
  const message = 'postgresql is not installed: these tests need one';
  if (process.env.CI !== undefined) throw new Error(message);
  process.stderr.write(`\n  SKIPPED: ${message}\n`);
  context.skip();
}

interface User {
  readonly uid?: number;
  readonly gid?: number;
}

/** Nobody in particular, unless this is root. */
function unprivileged(): User {
  if (process.getuid?.() !== 0) return {};
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
    if (uid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('PostgreSQL refuses to run as root, and there is no user postgres or nobody');
}

export interface PostgresAddress {
  /** The directory of its socket. */
  readonly host: string;
  readonly user: string;
  readonly database: string;
}

export class Postgres implements AsyncDisposable {
  readonly address: PostgresAddress;
  #bin: string;
  #directory: string;
  #user: User;
  #running: Running | undefined;

  private constructor(parts: { bin: string; directory: string; user: User }) {
    this.#bin = parts.bin;
    this.#directory = parts.directory;
    this.#user = parts.user;
    this.address = { host: parts.directory, user: 'test', database: 'postgres' };
  }

  /** Resolves when it takes connections. */
  static async start(): Promise<Postgres> {
    const bin = postgresBin();
    if (bin === undefined) throw new Error('postgresql is not installed');
    const directory = await mkdtemp(join(tmpdir(), 'celeriac-postgres-'));
    const user = unprivileged();
    if (user.uid !== undefined) await chown(directory, user.uid, user.gid ?? user.uid);
    const postgres = new Postgres({ bin, directory, user });
    const options = ['--auth=trust', '--username=test', '--encoding=UTF8', '--locale=C', '--no-sync'];
    await run(join(bin, 'initdb'), ['-D', join(directory, 'data'), ...options], postgres.#spawnOptions);
    await postgres.up();
    return postgres;
  }

  /** For programs: in the form that `pg` reads. */
  get connectionString(): string {
    const { host, user, database } = this.address;
    return `postgres://${user}@/${database}?host=${encodeURIComponent(host)}`;
  }

  /** Starts it again with the same data. */
  async up(): Promise<void> {
    if (this.#running !== undefined) return;
    const settings = { listen_addresses: '', unix_socket_directories: this.#directory, fsync: 'off' };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const data = join(this.#directory, 'data');
    this.#running = start(join(this.#bin, 'postgres'), ['-D', data, ...args], this.#spawnOptions);
    await this.#running.line(/ready to accept connections/u);
  }

  /** Ends it with every connection (fast shutdown); its data stays. */
  async down(): Promise<void> {
    this.#running?.kill('SIGINT');
    await this.#running?.stop();
    this.#running = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
    await rm(this.#directory, { recursive: true, force: true });
  }

  get #spawnOptions() {
    return { ...this.#user, cwd: this.#directory, env: { ...process.env, LC_ALL: 'C' } };
  }
}

/** A server for the tests of the enclosing `describe`, from its first to its last. Gives the running one. */
export function usePostgres(): () => Postgres {
  let server: Postgres | undefined;
  before(async function () {
    requirePostgres(this);
    server = await Postgres.start();
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  return () => {
    if (server === undefined) throw new Error('PostgreSQL runs within tests only');
    return server;
  };
}
