/** The ring between the threads: nothing written is lost, doubled or reordered. */
import { expect } from 'chai';

import { settlementMemory, SettlementReader, SettlementWriter } from '../../../dist/io-thread/settlements.js';

function ring() {
  const memory = settlementMemory();
  const reader = new SettlementReader(memory);
  const read = (): [number, number][] => {
    const all: [number, number][] = [];
    reader.read((delivery, how) => all.push([delivery, how]));
    return all;
  };
  return { writer: new SettlementWriter(memory), read };
}

describe('settlements', () => {
  it('are read once, in the order in which they were written', () => {
    const { writer, read } = ring();
    writer.write(7, 1);
    writer.write(3, 2);
    writer.write(5, 3);

    expect(read()).to.deep.equal([
      [7, 1],
      [3, 2],
      [5, 3],
    ]);
    expect(read()).to.deep.equal([]);
  });

  it('are refused when there is no room, and taken again once some was read', () => {
    const { writer, read } = ring();
    let written = 0;
    while (writer.write(written, 1)) written++;

    const first = read();

    expect(first.map(([delivery]) => delivery)).to.deep.equal(Array.from({ length: written }, (_, n) => n));
    expect(writer.write(9, 1)).to.equal(true);
    expect(read()).to.deep.equal([[9, 1]]);
  });

  it('survive many rounds', () => {
    const { writer, read } = ring();
    const seen: number[] = [];
    for (let n = 0; n < 40_000; n++) {
      writer.write(n, 1);
      if (n % 7 === 0) seen.push(...read().map(([delivery]) => delivery));
    }
    seen.push(...read().map(([delivery]) => delivery));

    expect(seen).to.deep.equal(Array.from({ length: 40_000 }, (_, n) => n));
  });
});
