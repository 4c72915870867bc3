/** The rows of workflows and of monitoring, all shown by tests of their own. Data only. */
import { differs, nothing, type Row, same, shown } from './row.js';

export const workflowRows = {
  chain: {
    what: '`chain`',
    toPython: shown(same, 'interop/workflows.test.ts', 'hand a value from Node to Python and back to Node'),
    toNode: shown(same, 'interop/workflows.test.ts', 'run a chain of Python over Node'),
  },
  group: {
    what: '`group`',
    toPython: shown(
      same,
      'interop/workflows.test.ts',
      'run a group in the middle of a chain, from either side',
    ),
    toNode: shown(
      same,
      'interop/workflows.test.ts',
      'run a group in the middle of a chain, from either side',
    ),
  },
  chord: {
    what: '`chord`, counted over both languages (Redis only)',
    toPython: shown(same, 'interop/workflows.test.ts', 'count a chord over both, with its body in'),
    toNode: shown(same, 'interop/workflows.test.ts', 'do the same when Python sends them, with its body in'),
  },
  link: {
    what: '`link`, `link_error`',
    toPython: shown(
      same,
      'interop/workflows.test.ts',
      'call back with the result, in either language, several as well',
    ),
    toNode: shown(
      same,
      'interop/workflows.test.ts',
      'call back with the result, in either language, several as well',
    ),
  },
  events: {
    what: 'worker and task events, for `celery events` and monitors',
    toPython: shown(
      same,
      'interop/monitoring.test.ts',
      'see a task from its sending to its success, in the order of the clock',
    ),
    toNode: shown(same, 'interop/monitoring.test.ts', 'tells our receiver of its tasks'),
  },
  maps: {
    what: '`map`, `starmap`, `chunks`',
    toPython: shown(same, 'interop/workflow-maps.ts', 'map, and run in chunks'),
    toNode: shown(same, 'interop/workflow-maps.ts', 'map, and run in chunks, in Node, from either side'),
  },
  builtIn: {
    what: "Celery's own tasks on a queue that both consume: `celery.accumulate`, `celery.chord_unlock`, `celery.backend_cleanup`",
    toPython: nothing('never sent'),
    toNode: shown(
      differs('the last two are passed on to Python workers, since they need its result backend'),
      'interop/built-in-tasks.test.ts',
      'pass on to Python what only Python can run',
    ),
  },
} satisfies Record<string, Row>;
