/**
 * The matrix of docs/celery-conformance.md: every row, in both directions, over both stores of results and both types
 * of queues. All checks of a direction run at once; each test tells of one of them.
 */
import { readFile } from 'node:fs/promises';

import { expect } from 'chai';

import { requireRabbit } from '../support/broker.js';
import { requireCelery } from '../support/python.js';
import { requireRedis } from '../support/redis.js';
import type { Row, Side } from './matrix/row.js';
import { type RowName, rows } from './matrix/rows.js';
import { queueTypes, Scene, stores, type View } from './matrix/scene.js';
import { toNode } from './matrix/to-node.js';
import { toPython } from './matrix/to-python.js';

const directions = [
  { name: 'Node sends, Python runs', key: 'toPython', checks: toPython },
  { name: 'Python sends, Node runs', key: 'toNode', checks: toNode },
] as const;
const names = Object.keys(rows) as RowName[];

for (const store of stores) {
  describe(`between Celery and Celeriac, with results by ${store}://`, function () {
    let scene: Scene;

    before(async function () {
      requireRabbit(this);
      requireCelery(this);
      requireRedis(this);
      scene = await Scene.open(store);
    });

    after(async () => {
      await scene[Symbol.asyncDispose]();
    });

    for (const { name: direction, checks } of directions) {
      for (const type of queueTypes) {
        describe(`${direction}, ${type} queues:`, () => {
          const running = new Map<RowName, Promise<void>>();

          before(() => {
            const view: View = { scene, type };
            for (const name of names) {
              const check = checks[name]?.(view);
              check?.catch(() => undefined); // its own test tells
              if (check !== undefined) running.set(name, check);
            }
          });

          for (const name of names.filter((one) => checks[one] !== undefined)) {
            it(rows[name].what, () => running.get(name));
          }
        });
      }
    }
  });
}

describe('the matrix', () => {
  for (const { name: direction, key, checks } of directions) {
    for (const name of names) {
      const row: Row = rows[name];
      const side: Side = row[key];
      if (side.shown === undefined) continue;
      it(`has the test that it names: ${row.what} (${direction})`, async () => {
        const [file, title] = side.shown!;
        const source = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
        expect(source).to.include(title);
      });
    }

    it(`has a check or names a test for everything it says (${direction})`, () => {
      const without = names.filter((name) => {
        const side: Side = rows[name][key];
        const isNothing = side.is === 'open' || side.is === 'n/a';
        return checks[name] === undefined && side.shown === undefined && !isNothing;
      });
      expect(without).to.deep.equal([]);
    });
  }
});
