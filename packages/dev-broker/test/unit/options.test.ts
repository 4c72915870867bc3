import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'chai';

import { startBroker } from '../../dist/index.js';

describe('the options of a broker', () => {
  it('that name a version there is not are refused, in words, before anything is begun', async () => {
    const data = join(tmpdir(), `celeriac-never-made-${process.pid}`);

    const refusal = await startBroker({ profile: '3.9' as '3.10', data }).catch((error: unknown) => error);

    expect(refusal).to.include({ code: 'ERR_INPUT_INVALID' });
    expect((refusal as Error).message).to.include('3.10, 3.13, 4.3');
    expect(existsSync(data)).to.equal(false);
  });
});
