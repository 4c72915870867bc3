/** From words on the command line to the arguments of commands, in Celery's names. */
import { expect } from 'chai';

import { argumentsOf, type Verbs } from '../../dist/commands/control-arguments.js';

const parsed = (verbs: Verbs, line: string) => {
  const [method = '', ...words] = line.split(' ');
  return argumentsOf(verbs, { method, words });
};

describe('argumentsOf', () => {
  it("takes words in Celery's order", () => {
    expect(parsed('control', 'revoke a b').args).to.deep.equal({ task_id: ['a', 'b'] });
    expect(parsed('control', 'terminate KILL a').args).to.deep.equal({ signal: 'KILL', task_id: ['a'] });
    expect(parsed('control', 'rate_limit tasks.add 10').args).to.deep.equal({
      task_name: 'tasks.add',
      rate_limit: '10',
    });
    expect(parsed('control', 'time_limit tasks.add 10 20.5').args).to.deep.equal({
      task_name: 'tasks.add',
      soft: 10,
      hard: 20.5,
    });
    expect(parsed('inspect', 'query_task a b').args).to.deep.equal({ ids: ['a', 'b'] });
  });

  it('takes them by name, as JSON where it is', () => {
    expect(parsed('control', 'revoke a terminate=true signal=KILL').args).to.deep.equal({
      task_id: ['a'],
      terminate: true,
      signal: 'KILL',
    });
    expect(parsed('inspect', 'own_method depth=3 who=["x"]').args).to.deep.equal({ depth: 3, who: ['x'] });
  });

  it('knows what workers do not answer', () => {
    expect(parsed('control', 'shutdown').isCast).to.equal(true);
    expect(parsed('control', 'pool_grow 2')).to.deep.equal({ args: { n: 2 }, isCast: false });
  });

  it('refuses a word too many', () => {
    expect(() => parsed('inspect', 'ping a')).to.throw("'a' is too much");
    expect(() => parsed('control', 'pool_grow 1 2')).to.throw("'2' is too much");
  });
});
