/** From a call to the input of a contract: the first of what it may stand for that fits. Runs nothing. */
import {
  inputCandidates,
  type TaskCall,
  type TaskContract,
  type Validated,
  type Validator,
} from '@celeriac/core';

/** What the calls may stand for is tried in their order; else what is wrong with the likeliest. */
export async function boundInput(
  contract: TaskContract,
  calls: readonly TaskCall[],
  validator: Validator,
): Promise<Validated> {
  let wrong: Validated | undefined;
  for (const call of calls) {
    const candidates = inputCandidates(contract, call);
    if (!candidates.ok) {
      wrong ??= candidates;
      continue;
    }
    for (const value of candidates.values) {
      const checked = await validator.checkInput(contract, value);
      if (checked.ok) return checked;
      wrong ??= checked;
    }
  }
  return wrong as Validated;
}
