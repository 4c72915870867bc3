/** Which tasks may run longer than the broker waits, by their limits. */
import { type Config, createLogger } from '@celeriac/core';
import { expect } from 'chai';

import type { TaskGroup } from '../../dist/capsule-plan.js';
import { TaskHandlers, type TaskOptions } from '../../dist/handlers.js';
import { overlongTasks, warnOfOverlongTasks } from '../../dist/overlong-tasks.js';

describe('tasks that may run longer than the broker waits', () => {
  function given(options: Readonly<Record<string, TaskOptions>>, config: object = {}) {
    const tasks = new TaskHandlers();
    for (const [name, one] of Object.entries(options)) {
      const handler = (): void => undefined;
      tasks.add({ name, contract: undefined, handler, options: one, isFromModule: true });
    }
    const group = { name: 'g', queues: [], config: { pool: 'processes', ...config } } as unknown as TaskGroup;
    return { tasks, group };
  }

  const cases: readonly [string, TaskOptions, object, boolean][] = [
    ['none', {}, {}, true],
    ['a hard one below', { hardTimeLimit: 59 }, {}, false],
    ['a hard one that is the same', { hardTimeLimit: 60 }, {}, true],
    ['a soft one below', { softTimeLimit: 30 }, {}, false],
    ['a soft one below and a hard one above', { softTimeLimit: 30, hardTimeLimit: '1h' }, {}, false],
    ['a hard one that the inline pool cannot enforce', { hardTimeLimit: 10 }, { pool: 'inline' }, true],
    ['a configured one', {}, { hard_time_limit: 10 }, false],
  ];
  for (const [title, options, config, isOverlong] of cases) {
    it(`${isOverlong ? 'are' : 'are not'} those with ${title}`, () => {
      const { tasks, group } = given({ t: options }, config);
      expect(overlongTasks(group, tasks, 60).length > 0).to.equal(isOverlong);
      expect(overlongTasks(group, tasks, 0)).to.deep.equal([]);
    });
  }

  it('are named: each that has a limit, and in one line those that have none', () => {
    const { tasks, group } = given({ a: { hardTimeLimit: '2h' }, b: {}, c: {} });
    const lines: Record<string, unknown>[] = [];
    const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
    const config = { tasks: {}, task_handler: { consumer_timeout: 1800 } } as unknown as Config;
    const logger = createLogger({ level: 'debug', format: 'json', write });
    warnOfOverlongTasks([group], { config, tasks, logger });

    expect(lines).to.have.length(2);
    expect(lines[0]).to.include({
      level: 'warn',
      task: 'a',
      limit: 'hard',
      seconds: 7200,
      consumerTimeout: 1800,
    });
    expect(lines[1]).to.deep.include({ level: 'info', tasks: ['b', 'c'] });
  });
});
