/** The registered tasks: names taken once, names that can be. */
import { expect } from 'chai';

import { type RegisteredTask, TaskHandlers } from '../../dist/handlers.js';

const task = (name: string): RegisteredTask => ({
  name,
  contract: undefined,
  handler: () => undefined,
  options: {},
  isFromModule: false,
});

describe('TaskHandlers', () => {
  let handlers: TaskHandlers;
  beforeEach(() => {
    handlers = new TaskHandlers();
  });

  it('finds what was added, and nothing that every object has', () => {
    const added = task('a');
    handlers.add(added);

    expect(handlers.get('a')).to.equal(added);
    for (const name of ['b', 'toString', '__proto__', 'constructor']) {
      expect(handlers.get(name), name).to.equal(undefined);
    }
  });

  it('takes a name once and keeps its first handler', () => {
    const first = task('a');
    handlers.add(first);

    expect(() => handlers.add(task('a')))
      .to.throw("'a' is registered already")
      .with.property('code', 'ERR_TASK_DUPLICATE');
    expect(handlers.get('a')).to.equal(first);
  });

  it('lists names sorted', () => {
    for (const name of ['c', 'a', 'b']) handlers.add(task(name));

    expect(handlers.names).to.deep.equal(['a', 'b', 'c']);
  });

  it('takes names of 1 to 255 bytes, counted as bytes', () => {
    for (const name of ['', 'a'.repeat(256), 'ä'.repeat(128)]) {
      expect(() => handlers.add(task(name)), name)
        .to.throw()
        .with.property('code', 'ERR_CONTRACT_INVALID');
    }
    handlers.add(task('ä'.repeat(127)));
    expect(handlers.names).to.have.length(1);
  });
});
