/** Loads the validator when something is to be validated: ajv is most of what importing this package would cost. */
import type * as Validate from './validate.js';

export type { Validated } from './validate.js';

export type Validator = Pick<typeof Validate, 'checkInput' | 'checkValues'>;

export async function loadValidator(): Promise<Validator> {
  return import('./validate.js');
}
