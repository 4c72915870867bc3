/**
 * Where `celeriac broker` leaves word of itself, and how other processes of the same user find it. It is asked only
 * where no connection string is configured, and never in production.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';

import { parseConnectionString } from './connection-string.js';
import type { Environment } from './environment.js';

export interface DevelopmentBroker {
  readonly pid: number;
  readonly port: number;
  /** A connection string. */
  readonly url: string;
}

/** A directory of the user's own: nobody else can leave an address there. Undefined without one. */
function noteFile(env: Environment): string | undefined {
  const { XDG_RUNTIME_DIR: runtime, LOCALAPPDATA: local, HOME: home } = env;
  const directory = runtime ?? local ?? (home === undefined ? undefined : join(home, '.cache'));
  return directory === undefined || directory === '' ? undefined : join(directory, 'celeriac', 'broker.json');
}

/** The development broker of this user and machine, if one runs. Never rejects. */
export async function findDevelopmentBroker(env: Environment): Promise<DevelopmentBroker | undefined> {
  const file = noteFile(env);
  if (file === undefined) return undefined;
  const note = await readFile(file, 'utf8').then(parseNote, () => undefined);
  if (note === undefined || !isAlive(note.pid)) return undefined;
  return (await listens(note)) ? note : undefined;
}

function parseNote(text: string): DevelopmentBroker | undefined {
  try {
    const note = JSON.parse(text) as DevelopmentBroker & { readonly host: unknown };
    const { pid, port, url, host } = note;
    const isWhole = Number.isInteger(pid) && pid > 0 && Number.isInteger(port) && typeof url === 'string';
    return isWhole && host === hostname() && hostOf(url) !== '' ? { pid, port, url } : undefined;
  } catch {
    return undefined; // half written, or somebody else's
  }
}

/** The note of a process that was killed stays behind, and its port may be another one's by now. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // there, and not ours
  }
}

/** Whether it takes connections: a process id may be another one's by now. */
function listens({ url, port }: DevelopmentBroker): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: hostOf(url), port, timeout: 1_000 });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

/** Throws ERR_CONNECTION_STRING. */
function hostOf(url: string): string {
  return parseConnectionString(url).addresses[0]?.hostname ?? '127.0.0.1';
}

/**
 * Leaves word of a broker; gives the function that takes it back. Without a directory to leave it in, or where it
 * cannot be written, others have to be told the address: then `isFound` is false.
 */
export async function announceDevelopmentBroker(
  broker: DevelopmentBroker,
  env: Environment,
): Promise<{ readonly isFound: boolean; readonly withdraw: () => Promise<void> }> {
  const file = noteFile(env);
  const nothing = { isFound: false, withdraw: () => Promise.resolve() };
  if (file === undefined) return nothing;
  const text = JSON.stringify({ ...broker, host: hostname() });
  const draft = `${file}.${broker.pid}`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(draft, text, { mode: 0o600 });
    await rename(draft, file); // whole, or not at all
  } catch {
    await rm(draft, { force: true }).catch(() => undefined);
    return nothing;
  }
  const withdraw = async (): Promise<void> => {
    // Another one may have taken its place.
    if ((await readFile(file, 'utf8').catch(() => '')) === text) await rm(file, { force: true });
  };
  return { isFound: true, withdraw };
}
