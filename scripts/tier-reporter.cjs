/** Mocha's spec reporter, which also writes the counts and what failed to a file for test-tiers.mjs. */
const { writeFileSync } = require('node:fs');
const process = require('node:process');

const { reporters } = require('mocha');

module.exports = class TierReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const failed = [];
    runner.on('fail', (test, error) => {
      // The error may be anything that was thrown, also something hostile to being printed.
      failed.push({ title: test.fullTitle(), error: String(error?.stack ?? error).slice(0, 2000) });
    });
    runner.once('end', () => {
      const { passes, failures, pending } = runner.stats;
      const file = process.env.CELERIAC_TIER_RESULT;
      if (file !== undefined)
        writeFileSync(
          file,
          JSON.stringify({ passed: passes, failed: failures, skipped: pending, failures: failed }),
        );
    });
  }
};
