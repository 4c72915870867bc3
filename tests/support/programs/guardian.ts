/**
 * Outlives a test run that was killed, and ends what that run had started. Told of process groups on standard
 * input, `+pid` and `-pid` a line; when the input ends, its parent is gone: whatever is still on the list is
 * killed. Touches nothing else.
 */
import { createInterface } from 'node:readline';

const groups = new Set<number>();
// A Ctrl-C in the terminal is for the test run; this one ends after it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  const pid = Number(line.slice(1));
  if (line.startsWith('+')) groups.add(pid);
  else groups.delete(pid);
});
input.on('close', () => {
  for (const pid of groups) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
});
