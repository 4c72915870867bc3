/** That no secret reaches a log line, in either format. Writes to a list, never to standard error. */
import { expect } from 'chai';

import { CeleriacError } from '../../dist/errors.js';
import { createLogger } from '../../dist/logger.js';

const url = 'amqps://bob:canary@host/v';

for (const format of ['text', 'json'] as const) {
  describe(`createLogger in ${format}`, () => {
    const lines: string[] = [];
    const logger = createLogger({ format, level: 'debug', write: (line) => void lines.push(line) });
    beforeEach(() => void lines.splice(0));

    const places: readonly [string, () => void][] = [
      ['the message', () => logger.info(url)],
      ['a field', () => logger.info('m', { url })],
      ['a nested field', () => logger.info('m', { a: [{ b: url }] })],
      ['a field named password', () => logger.info('m', { password: 'canary' })],
      ['an error', () => logger.error('m', { error: new Error(url) })],
      [
        'the cause of an error',
        () => logger.error('m', { error: new Error('x', { cause: new Error(url) }) }),
      ],
      [
        'the values of our error',
        () => logger.error('m', { error: new CeleriacError('ERR_TLS', { message: url, values: { url } }) }),
      ],
    ];
    for (const [place, log] of places) {
      it(`masks a password in ${place}`, () => {
        log();
        expect(lines).to.have.length(1);
        expect(lines[0]).to.include('***').and.not.include('canary');
      });
    }

    it('does not fail the caller when a field cannot be rendered', () => {
      const circular: Record<string, unknown> = {};
      circular['self'] = circular;
      logger.info('still here', { circular });
      expect(lines.join()).to.include('still here');
    });
  });
}
