/** A table again and again: what ends it, and what does not. */
import { expect } from 'chai';

import { showLive } from '../../dist/live.js';

const options = {
  ...{ interval: '1ms', once: false, json: false },
  show: () => [],
  toJson: (value: number) => value,
};

describe('a live table', () => {
  it('survives a broker that goes, says why, and ends when nobody reads it any more', async () => {
    let reads = 0;
    const said: string[] = [];
    const before = Reflect.get(process.stderr, 'write') as unknown;
    process.stderr.write = (part: string | Uint8Array) => said.push(String(part)) > 0;
    try {
      const read = (): Promise<number> => {
        reads++;
        if (reads === 2) return Promise.reject(new Error('gone \u001b[2J'));
        if (reads === 4) process.stdout.emit('error', new Error('nobody reads'));
        return Promise.resolve(reads);
      };

      expect(await showLive({ ...options, read })).to.equal(3);
    } finally {
      Reflect.set(process.stderr, 'write', before);
    }
    expect(said).to.deep.equal(['gone \\u001b[2J\n']);
  });

  it('rejects when there never was an answer', async () => {
    const read = (): Promise<number> => Promise.reject(new Error('wrong password'));
    const error = await showLive({ ...options, read }).catch((one: unknown) => one);

    expect(error).to.have.property('message', 'wrong password');
  });
});
