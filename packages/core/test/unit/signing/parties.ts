/** Keys, signers and verifiers of tests, over a clock that the test moves. Decides nothing about results. */
import { generateKeyPairSync } from 'node:crypto';

import { loadConfig } from '../../../dist/config/load.js';
import type { ConfigInput } from '../../../dist/config/input.js';
import type { OutgoingMessage } from '../../../dist/ports.js';
import type { ReceivedIn } from '../../../dist/protocol/again.js';
import { encodeTask } from '../../../dist/protocol/celery-v2.js';
import { signingSink, type Signer } from '../../../dist/signing/signer.js';
import { loadSigning, type SectionSigning } from '../../../dist/signing/signing.js';
import type { Verified, Verifier } from '../../../dist/signing/verifier.js';
import { ManualClock } from '../../support/manual-clock.js';

export const secret = 'secret-of-32-bytes-or-more-0123456789';
export const otherSecret = 'another-of-32-bytes-or-more-012345678';
const pair = generateKeyPairSync('ed25519');
export const privatePem: string = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
export const publicPem: string = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();

export type Keys = NonNullable<NonNullable<NonNullable<ConfigInput['tasks']>['signing']>['keys']>;
export type SigningInput = NonNullable<NonNullable<ConfigInput['tasks']>['signing']>;

export async function party(signing: SigningInput, clock = new ManualClock()): Promise<SectionSigning> {
  const config = await loadConfig({ tasks: { signing } }, { env: {} });
  return (await loadSigning(config, clock)).tasks;
}

/** One that signs with an HMAC key and asks for signatures. */
export function hmacParty(more: SigningInput = {}, clock?: ManualClock): Promise<SectionSigning> {
  return party({ sign_with: 'main', require: true, keys: { main: { secret } }, ...more }, clock);
}

export function taskMessage(more: Partial<Parameters<typeof encodeTask>[0]> = {}): OutgoingMessage {
  const message = {
    kind: 'task' as const,
    id: 't1',
    task: 'billing.charge',
    args: [1],
    kwargs: { amount: 12 },
    retries: 0,
    timeLimit: {},
    rootId: 't1',
    embed: { callbacks: null, errbacks: null, chain: null, chord: null },
    headers: {},
    ...more,
  };
  return { exchange: '', routingKey: 'billing', ...encodeTask(message, 0) };
}

/** As the sink signs it. */
export async function signed(message: OutgoingMessage, signer: Signer | undefined): Promise<OutgoingMessage> {
  const published: OutgoingMessage[] = [];
  const keep = (one: OutgoingMessage): Promise<void> => Promise.resolve(void published.push(one));
  await signingSink({ publish: keep }, signer).publish(message);
  return published[0] as OutgoingMessage;
}

export function inQueue(message: OutgoingMessage, more: Partial<ReceivedIn> = {}): ReceivedIn {
  return { ...message, queue: 'billing', ...more };
}

export function resultOf(verified: Verified): string {
  return verified.ok ? 'ok' : verified.problem;
}

export function verdictOn(verifier: Verifier | undefined, received: ReceivedIn): string {
  return resultOf((verifier as Verifier).verify(received, 'task'));
}

/** The message with one header changed. */
export function withHeader(message: OutgoingMessage, name: string, value: unknown): OutgoingMessage {
  const headers = { ...message.properties.headers, [name]: value };
  return { ...message, properties: { ...message.properties, headers } };
}
