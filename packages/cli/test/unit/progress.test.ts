/** How far long work has come: in place on a terminal, seldom elsewhere, and never for programs. */
import { expect } from 'chai';

import { ManualClock } from '../../../core/dist-test/support/manual-clock.js';
import { progressLine, type ProgressOptions } from '../../dist/progress.js';

function watched(options: ProgressOptions & { readonly isTTY: boolean }) {
  const said: string[] = [];
  const clock = new ManualClock();
  const output = { isTTY: options.isTTY, write: (text: string) => said.push(text) };
  return { ...progressLine({ ...options, clock, output }), said, clock };
}

describe('progress', () => {
  it('says nothing of short work, then writes over its own line, and takes it away', async () => {
    const { tell, end, said, clock } = watched({ isTTY: true });
    tell('1 read');
    await clock.advance(2_000);
    tell('2 read');
    tell('3 read');
    await clock.advance(200);
    tell('4 read');
    end();
    end();

    expect(said).to.deep.equal(['\r2 read\u001b[K', '\r4 read\u001b[K', '\r\u001b[K']);
  });

  it('is a line now and then where it cannot write over one', async () => {
    const { tell, end, said, clock } = watched({ isTTY: false });
    for (let second = 0; second < 13; second++) {
      await clock.advance(1_000);
      tell(`${second} read`);
    }
    end();

    expect(said).to.deep.equal(['1 read\n', '11 read\n']);
  });

  it('is not for programs', async () => {
    const { tell, end, said, clock } = watched({ isTTY: true, isQuiet: true });
    await clock.advance(5_000);
    tell('1 read');
    end();

    expect(said).to.deep.equal([]);
  });
});
