/**
 * What publishers and workers of a chaos run say they did, in one file that survives their SIGKILL: a line is one
 * write in append mode, there whole or not at all. Nothing is decided here.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** `at`: wall clock, milliseconds. All processes are on one machine. */
export interface Entry {
  readonly at: number;
  /** The process. */
  readonly who: string;
  readonly what: What;
  readonly id: string;
  /** Depends on `what`. */
  readonly more: string;
}

export type What =
  /** Of a publisher: a send begins; `more` is what becomes of it: a task's name, and when it is due if it is delayed. */
  | 'intend'
  | 'confirmed'
  /** It may be stored or not; `more` is the error's code. */
  | 'unknown'
  /** Not sent or not stored; `more` is the error's code. */
  | 'refused'
  /** Of a worker: a handler begins or has ended; `more` is the number of the attempt. */
  | 'begin'
  | 'end'
  /** The copy in the dead-letter queue is confirmed; `more` is the reason. */
  | 'dead'
  /** A delivery that was not settled, because its connection is gone. */
  | 'abandoned'
  /** A connection; `more` is why. */
  | 'lost'
  | 'restored';

export class LedgerWriter {
  #file: number;
  #who: string;

  constructor(path: string, who: string) {
    this.#file = openSync(path, 'a');
    this.#who = who;
  }

  write(what: What, id: string, more: string | number = ''): void {
    writeSync(this.#file, `${Date.now()}\t${this.#who}\t${what}\t${id}\t${more}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

const chunk = 1 << 20;

/** Reads along. */
export class LedgerReader implements AsyncDisposable {
  readonly entries: Entry[] = [];
  #file: FileHandle;
  #position = 0;
  /** A line that was half written. */
  #rest = '';
  #reading: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(path: string): Promise<LedgerReader> {
    return new LedgerReader(await open(path, 'a+'));
  }

  /** Resolves with all that was written until now. */
  async refresh(): Promise<readonly Entry[]> {
    this.#reading = this.#reading.then(() => this.#read());
    await this.#reading;
    return this.entries;
  }

  async #read(): Promise<void> {
    const buffer = Buffer.alloc(chunk);
    for (;;) {
      const { bytesRead } = await this.#file.read(buffer, 0, chunk, this.#position);
      if (bytesRead === 0) return;
      this.#position += bytesRead;
      const lines = (this.#rest + buffer.toString('latin1', 0, bytesRead)).split('\n'); // all of it is ASCII
      this.#rest = lines.pop() ?? '';
      for (const line of lines) this.entries.push(parse(line));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

function parse(line: string): Entry {
  const [at = '', who = '', what = '', id = '', more = ''] = line.split('\t');
  return { at: Number(at), who, what: what as What, id, more };
}
