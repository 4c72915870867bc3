/** The I/O thread of a worker, which crashes when it is told to over the broadcast channel `crash-io-thread`. */
import { BroadcastChannel } from 'node:worker_threads';

await import(new URL('./io-thread/thread.js', import.meta.resolve('@celeriac/worker')).href);

const channel = new BroadcastChannel('crash-io-thread');
channel.onmessage = () => {
  throw new Error('told to crash');
};
