/** Shows how far it is: on a terminal one line that is rewritten, elsewhere a line a second. Prints nothing else. */
export class Progress {
  readonly #started = performance.now();
  #printed = -Infinity;

  /** Since it was made. */
  get seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  show(text: string): void {
    const line = `${this.seconds.toFixed(1).padStart(5)} s  ${text}`;
    if (process.stdout.isTTY) process.stdout.write(`\r\u001b[2K${line}`);
    else if (this.seconds - this.#printed >= 1) {
      this.#printed = this.seconds;
      console.log(line);
    }
  }

  /** Ends the line that is rewritten. */
  end(): void {
    if (process.stdout.isTTY) process.stdout.write('\n');
  }
}
