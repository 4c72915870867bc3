/**
 * Tables that are kept up to date: drawn in place on a terminal, and one after the other elsewhere. Leaves the terminal
 * as it was, whatever ends the command. Colours are for terminals only, and for who wants them (NO_COLOR).
 */
import { stripVTControlCharacters } from 'node:util';

/** A line with a meaning; its text holds no control characters. */
export interface Line {
  readonly text: string;
  readonly tone?: Tone;
}

export type Tone = 'head' | 'faint' | 'good' | 'bad';

export interface Room {
  readonly width: number;
  readonly height: number;
}

/** The part of `process.stdout` that is used. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
  hasColors?(): boolean;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

const styles: Readonly<Record<Tone, string>> = { head: '1', faint: '2', good: '32', bad: '31' };

/** The alternate screen, without a cursor, and without going on in the next line where one is full. */
const enter = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const leave = '\u001b[?7h\u001b[?25h\u001b[?1049l';

export function lines(text: string, tone?: Tone): readonly Line[] {
  return text.split('\n').map((one) => (tone === undefined ? { text: one } : { text: one, tone }));
}

/** Text with colours where the output shows them. `hasColors` of Node.js heeds NO_COLOR and TERM=dumb. */
export function painted(all: readonly Line[], output: Output): readonly string[] {
  const isColoured = output.isTTY === true && output.hasColors?.() === true;
  return all.map(({ text, tone }) =>
    isColoured && tone !== undefined && text !== '' ? `\u001b[${styles[tone]}m${text}\u001b[0m` : text,
  );
}

/** A whole terminal. Never more than its lines, each cut at its width. */
export class Screen implements Disposable {
  #output: Output;
  #last: readonly Line[] = [];
  #isOpen = true;
  #redraw = (): void => this.draw(this.#last);
  #leave = (): void => this[Symbol.dispose]();

  constructor(output: Output) {
    this.#output = output;
    output.write(enter);
    output.on('resize', this.#redraw);
    process.once('exit', this.#leave);
  }

  get room(): Room {
    const { columns = 80, rows = 24 } = this.#output;
    return { width: columns, height: rows };
  }

  /**
   * Line by line over what was there: an emptied screen would flicker. Erased is before a line is written: after a full
   * one the cursor is still on its last character.
   */
  draw(all: readonly Line[]): void {
    this.#last = all;
    const { width, height } = this.room;
    const cut = all.slice(0, height).map(({ text, ...rest }) => ({ ...rest, text: clipped(text, width) }));
    const drawn = painted(cut, this.#output).map((line) => `\u001b[K${line}`);
    const rest = drawn.length < height ? '\r\n\u001b[J' : '';
    this.#output.write(`\u001b[H${drawn.join('\r\n')}${rest}`);
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#output.off('resize', this.#redraw);
    process.off('exit', this.#leave);
    this.#output.write(leave);
  }
}

function clipped(text: string, width: number): string {
  const characters = Array.from(stripVTControlCharacters(text));
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}
