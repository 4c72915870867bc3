/** Signing keys: what can be used for what, and that none of them is ever shown. */
import { inspect } from 'node:util';

import { expect } from 'chai';

import { loadConfig } from '../../../dist/config/load.js';
import { printableConfig } from '../../../dist/config/printable.js';
import { isCeleriacError } from '../../../dist/errors.js';
import {
  inQueue,
  party,
  privatePem,
  publicPem,
  secret,
  signed,
  type SigningInput,
  taskMessage,
  verdictOn,
} from './parties.js';

async function refusal(signing: SigningInput): Promise<Error> {
  const error: unknown = await party(signing).catch((thrown: unknown) => thrown);
  expect(isCeleriacError(error, 'ERR_SIGNING_KEY'), String(error)).to.equal(true);
  return error as Error;
}

describe('a signing key', () => {
  it('that is public verifies, and cannot be signed with', async () => {
    const { signer } = await party({
      sign_with: 'p',
      keys: { p: { algorithm: 'ed25519', secret: privatePem } },
    });
    const { verifier } = await party({ keys: { p: { algorithm: 'ed25519', secret: publicPem } } });

    expect(verdictOn(verifier, inQueue(await signed(taskMessage(), signer)))).to.equal('ok');
    await refusal({ sign_with: 'p', keys: { p: { algorithm: 'ed25519', secret: publicPem } } });
  });

  it('that cannot be used is named, and nothing of it is shown', async () => {
    const canary = 'c4nary-c4nary';
    const bad: SigningInput[] = [
      { keys: { short: { secret: canary } } },
      { keys: { pem: { algorithm: 'ed25519', secret: `-----BEGIN PRIVATE KEY-----\n${canary}\n` } } },
      { keys: { both: { secret: canary.repeat(4), file: '/nowhere' } } },
      { keys: { neither: {} } },
      { keys: { 'a b': { secret: canary.repeat(4) } } },
      { keys: { missing: { file: '/nowhere/key' } } },
      { sign_with: 'nobody', keys: { main: { secret: canary.repeat(4) } } },
      { require: true, keys: { main: { secret: canary.repeat(4) } } },
      { require: true },
    ];
    for (const signing of bad) {
      const error = await refusal(signing);
      expect(inspect(error, { depth: 10 }) + JSON.stringify(error)).not.to.include(canary);
    }
  });

  it('shows in no configuration that is printed, inspected, cloned or turned into JSON', async () => {
    const config = await loadConfig(
      { tasks: { signing: { keys: { main: { secret } } } } },
      { env: { CELERIAC_EVENTS__SIGNING__KEYS__MAIN__SECRET: secret } },
    );
    const { keys } = config.tasks.signing;
    const shown = [
      inspect(config, { depth: 20, showHidden: true }),
      JSON.stringify(config),
      JSON.stringify(printableConfig(config)),
      inspect(structuredClone(keys), { depth: 20, showHidden: true }),
      String(keys.main?.secret),
    ];
    for (const text of shown) expect(text).not.to.include(secret);
    expect(config.events.signing.keys.main?.secret?.reveal()).to.equal(secret);
  });
});
