/** The keys of a section of the configuration, read from text and files. Connects to nothing and signs nothing. */
import { readFile } from 'node:fs/promises';

import type { Section } from '../broker.js';
import type { Config, SigningConfig, SigningKeyConfig } from '../config/types.js';
import { CeleriacError } from '../errors.js';
import { ed25519Key, hmacKey, type KeyPlace, type SigningKey, unusable } from './key.js';

/** A key that can sign. */
export interface OwnKey extends SigningKey {
  readonly sign: (bytes: Buffer) => Buffer;
}

export interface KeyRing {
  /** What is signed with; absent: nothing is signed. */
  readonly own: OwnKey | undefined;
  /** By id: all that are accepted. */
  readonly keys: ReadonlyMap<string, SigningKey>;
}

const largestFile = 2 ** 16;

/** Rejects with ERR_SIGNING_KEY, which names the key of the configuration and shows nothing of it. */
export async function loadKeyRing(config: Config, section: Section): Promise<KeyRing> {
  const { signing } = config[section];
  const keys = new Map<string, SigningKey>();
  for (const [id, written] of Object.entries(signing.keys)) {
    keys.set(id, await loadKey(written, { id, key: `${section}.signing.keys.${id}` }));
  }
  return { keys, own: ownKey(signing, keys, section) };
}

/** A section without its keys, for threads and processes that sign nothing. */
export function withoutKeys<Part extends { readonly signing: SigningConfig }>(section: Part): Part {
  return { ...section, signing: { ...section.signing, keys: {} } };
}

async function loadKey(written: SigningKeyConfig, place: KeyPlace): Promise<SigningKey> {
  const { algorithm, secret, file } = written;
  if (!/^[A-Za-z0-9._-]{1,100}$/u.test(place.id)) {
    throw unusable(place, 'its id has another form', 'Use 1 to 100 letters, digits, ".", "_" and "-".');
  }
  if ((secret === undefined) === (file === undefined)) {
    throw unusable(place, 'it has neither secret nor file, or both', 'Give one of them.');
  }
  const text = secret === undefined ? await contentOf(file as string, place) : secret.reveal();
  return algorithm === 'ed25519' ? ed25519Key(text, place) : hmacKey(text, place);
}

async function contentOf(path: string, place: KeyPlace): Promise<string> {
  const content = await readFile(path, 'utf8').catch((error: unknown) => {
    const errno = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw unusable(
      place,
      `the file ${path} cannot be read (${errno})`,
      'Check the path and the permissions.',
    );
  });
  if (content.length > largestFile) throw unusable(place, 'its file is over 64 KiB', 'Name another file.');
  return content.replace(/\r?\n$/u, '');
}

function ownKey(signing: SigningConfig, keys: KeyRing['keys'], section: Section): OwnKey | undefined {
  const { sign_with: id, require: isRequired } = signing;
  if (id === undefined) {
    if (!isRequired) return undefined;
    throw wrong(
      `${section}.signing.require needs ${section}.signing.sign_with`,
      'Name the key that retries are signed with: they are new messages.',
    );
  }
  const key = keys.get(id);
  if (key === undefined) {
    const known = keys.size === 0 ? 'none' : [...keys.keys()].join(', ');
    throw wrong(
      `${section}.signing.sign_with names no key of ${section}.signing.keys`,
      `Keys there: ${known}.`,
    );
  }
  const { sign } = key;
  if (sign !== undefined) return { ...key, sign };
  throw wrong(
    `the key of ${section}.signing.sign_with is a public one`,
    'Sign with the private key, and give the public one to those who only verify.',
  );
}

function wrong(problem: string, hint: string): CeleriacError {
  return new CeleriacError('ERR_SIGNING_KEY', { message: `Cannot sign: ${problem}.`, hint });
}
