/** `celeriac send --wait` and `celeriac result`: what they print, and how they end. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startBroker } from '@celeriac/dev-broker';
import { expect } from 'chai';

import { start } from '../support/processes.js';

const main = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));

/** Tasks whose results somebody waits for. */
const answering = `
export function register(worker) {
  worker.task('add', (a, b) => a + b);
  worker.task('fail', () => { throw new TypeError('wrong'); });
}
`;

describe('the celeriac command that waits for results', () => {
  let directory = '';

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'celeriac-cli-'));
    await writeFile(join(directory, 'answering.mjs'), answering);
    await writeFile(
      join(directory, 'celeriac.yaml'),
      'tasks: {result_backend: "rpc://", default_queue: answers}',
    );
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('prints them, and ends with 1 where the task failed', async () => {
    const broker = await startBroker();
    const env = { PATH: process.env.PATH, CELERIAC_EVENTS__CONNECTION_STRING: broker.url };
    const celeriac = (...args: string[]) => start(process.execPath, [main, ...args], { cwd: directory, env });
    const ended = async (...args: string[]) => {
      const running = celeriac(...args);
      const code = await running.exited;
      return { code, output: running.output() };
    };
    const worker = celeriac('worker', '--require', './answering.mjs');
    try {
      await worker.line(/answers/u);

      const [sum, sumAsJson, failed, unknown] = await Promise.all([
        ended('send', 'add', '--args', '[2, 3]', '--wait', '60s'),
        ended('send', 'add', '--args', '[2, 3]', '--json', '--wait', '60s'),
        ended('send', 'fail', '--wait', '60s'),
        ended('result', 'nobody'),
      ]);

      expect(sum).to.deep.equal({ code: 0, output: '5\n' });
      expect(JSON.parse(sumAsJson.output)).to.include({ state: 'SUCCESS', value: 5 });
      expect(failed.code).to.equal(1);
      expect(failed.output).to.include('TypeError: wrong').and.include('ERR_TASK_FAILED');
      expect(unknown.code).to.equal(70);
    } finally {
      await worker.stop();
      await broker.stop();
    }
  });
});
