/** Mocha's spec reporter, which also writes the counts and the reasons of skips to a file for test-tiers.mjs. */
const { writeFileSync } = require('node:fs');
const process = require('node:process');

const { reporters } = require('mocha');

module.exports = class TierReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once('end', () => {
      const { passes, failures, pending } = runner.stats;
      const file = process.env.CELERIAC_TIER_RESULT;
      if (file !== undefined)
        writeFileSync(file, JSON.stringify({ passed: passes, failed: failures, skipped: pending }));
    });
  }
};
