/** What a child process inherits. */
import { expect } from 'chai';

import { inheritedOptions } from '../../../dist/pool/process-child.js';

describe('inheritedOptions', () => {
  it('keeps loaders, and drops the inspector and a program to evaluate', () => {
    const given = [
      '--import',
      'tsx',
      '--inspect=9229',
      '--input-type=module',
      '-e',
      'run()',
      '--enable-source-maps',
    ];
    expect(inheritedOptions(given)).to.deep.equal(['--import', 'tsx', '--enable-source-maps']);
  });
});
