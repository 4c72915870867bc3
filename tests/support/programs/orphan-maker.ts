/** Starts a child that would run for an hour, says its process id, and waits to be killed. For the harness's tests. */
import { start } from '../processes.js';

const child = start(process.execPath, ['--eval', 'setTimeout(() => {}, 3_600_000)']);
console.log(`child ${child.pid}`);
await child.exited;
