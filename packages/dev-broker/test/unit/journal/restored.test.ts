/**
 * A virtual host and its journal: whatever is done to it, what is restored is what it would be if all connections had
 * been lost. Real engine, real files, time by hand.
 */
import { expect } from 'chai';
import fc from 'fast-check';

import { ManualClock } from '../../../../core/dist-test/support/manual-clock.js';
import { profiles } from '../../../dist/engine/profile.js';
import type { ProfileName } from '../../../dist/index.js';
import type { DataJournal } from '../../../dist/journal/data-journal.js';
import { DataDirectories } from '../../support/data-directory.js';
import { EngineDriver, operations, restoredVhost } from '../../support/engine-driver.js';
import { keptOf } from '../../support/kept-of.js';

describe('what is restored', () => {
  const directories = new DataDirectories();
  afterEach(() => directories.clear());

  function driver(journal: DataJournal, profile: ProfileName = '3.10'): EngineDriver {
    const clock = new ManualClock();
    return new EngineDriver(restoredVhost(journal, { clock, profile: profiles[profile] }), clock);
  }

  /** Goes on in a new process. */
  function killed(
    { vhost, clock }: EngineDriver,
    journal: DataJournal,
    options: { worthCompacting?: number },
  ): { live: EngineDriver; journal: DataJournal } {
    journal.flush();
    const next = directories.open(directories.copy(journal.directory), options);
    const restored = restoredVhost(next, { clock, profile: vhost.profile });
    return { journal: next, live: new EngineDriver(restored, clock) };
  }

  /** As it would be found after a kill. */
  function afterKill(directory: string, of: EngineDriver): string {
    const journal = directories.open(directories.copy(directory));
    const vhost = restoredVhost(journal, { clock: of.clock, profile: of.vhost.profile });
    journal.flush();
    const first = keptOf(vhost);
    // And once more: what was restored is in the journal as well.
    const again = directories.open(directories.copy(journal.directory));
    expect(keptOf(restoredVhost(again, { clock: of.clock, profile: of.vhost.profile }))).to.equal(first);
    return first;
  }

  for (const hasTransient of [false, true]) {
    const what = hasTransient ? 'transient messages besides' : 'limits and expiry';
    for (const profile of ['3.10', '4.3'] as const) {
      it(`is what was there, whatever happened: ${what}, as ${profile}`, async () => {
        await fc.assert(
          fc.asyncProperty(operations(hasTransient), fc.boolean(), async (all, isCompacting) => {
            const directory = directories.make();
            const options = isCompacting ? { worthCompacting: 600 } : {};
            let journal = directories.open(directory, options);
            let live = driver(journal, profile);
            for (const [index, operation] of all.entries()) {
              await live.run(operation);
              if (isCompacting) journal.flush();
              if (index === 40) ({ live, journal } = killed(live, journal, options));
            }
            journal.flush();

            const found = afterKill(journal.directory, live);

            live.loseConnections();
            expect(found).to.equal(keptOf(live.vhost));
            directories.clear();
          }),
          { numRuns: 100, interruptAfterTimeLimit: 15_000, markInterruptAsFailure: true },
        );
      });
    }
  }
});
