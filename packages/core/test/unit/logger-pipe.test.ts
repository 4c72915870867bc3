/** A log that nobody reads any more. A process of its own, since it is about that process's standard error. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { expect } from 'chai';

const script = `
import { createLogger } from ${JSON.stringify(new URL('../../dist/logger.js', import.meta.url).href)};
const logger = createLogger();
process.stdin.once('data', () => {
  let left = 5;
  const timer = setInterval(() => {
    logger.info('is anybody there?');
    if (--left === 0) clearInterval(timer);
  }, 1);
  process.stdin.pause();
});
process.on('uncaughtException', (error) => {
  console.log(error.code);
  process.exitCode = 1;
});
`;

describe('a logger whose reader has gone', () => {
  it('costs the process nothing', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    let heard = '';
    child.stdout.on('data', (text) => (heard += String(text)));
    child.stderr.destroy();
    const ended = once(child, 'close');
    child.stdin.end('now');

    const [code] = (await ended) as [number];
    expect({ code, heard }).to.deep.equal({ code: 0, heard: '' });
  });
});
