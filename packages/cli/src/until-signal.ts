/** Waiting for the end of a command that goes on until it is told to stop. */

/** Resolves at Ctrl-C, at a polite kill, or when nobody reads the output any more (`| head`). */
export function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    const ended = (): void => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, ended);
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, ended);
    process.stdout.on('error', ended);
  });
}
