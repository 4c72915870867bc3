/** A terminal that is drawn in place: cut to its size, coloured where that is wanted, and left as it was. */
import { stripVTControlCharacters } from 'node:util';

import { expect } from 'chai';

import { lines, painted, Screen } from '../../dist/screen.js';

class Terminal {
  isTTY = true;
  columns = 20;
  rows = 3;
  isColoured = false;
  written: string[] = [];
  listeners = new Set<() => void>();
  write(text: string): void {
    this.written.push(text);
  }
  hasColors(): boolean {
    return this.isColoured;
  }
  on(_event: 'resize', listener: () => void): void {
    this.listeners.add(listener);
  }
  off(_event: 'resize', listener: () => void): void {
    this.listeners.delete(listener);
  }
}

/** What stands in the lines, without the sequences that put it there. */
function standing(terminal: Terminal): readonly string[] {
  return stripVTControlCharacters(terminal.written.at(-1) ?? '').split('\r\n');
}

describe('screen', () => {
  it('cuts lines to the width and to the height of the terminal, again when it changes', () => {
    const terminal = new Terminal();
    using screen = new Screen(terminal);
    screen.draw(lines('one\na line that is longer than twenty\nthree\nfour'));
    expect(standing(terminal)).to.deep.equal(['one', 'a line that is long…', 'three']);

    terminal.rows = 2;
    terminal.columns = 5;
    for (const listener of terminal.listeners) listener();

    expect(standing(terminal)).to.deep.equal(['one', 'a li…']);
  });

  it('has no colours unless the terminal shows them', () => {
    const terminal = new Terminal();
    expect(painted(lines('bad', 'bad'), terminal)).to.deep.equal(['bad']);
    terminal.isColoured = true;
    expect(painted(lines('bad', 'bad'), terminal)).to.deep.equal(['\u001b[31mbad\u001b[0m']);
    terminal.isTTY = false;
    expect(painted(lines('bad', 'bad'), terminal)).to.deep.equal(['bad']);
  });

  it('gives back cursor, wrapping and what stood there before, once, and listens to nothing more', () => {
    const terminal = new Terminal();
    const before = process.listenerCount('exit');
    const screen = new Screen(terminal);
    expect(process.listenerCount('exit')).to.equal(before + 1);
    screen[Symbol.dispose]();
    screen[Symbol.dispose]();

    expect(terminal.written).to.deep.equal([
      '\u001b[?1049h\u001b[?25l\u001b[?7l',
      '\u001b[?7h\u001b[?25h\u001b[?1049l',
    ]);
    expect(terminal.listeners.size).to.equal(0);
    expect(process.listenerCount('exit')).to.equal(before);
  });
});
