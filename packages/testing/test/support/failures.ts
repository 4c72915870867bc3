/** What tests of tests need themselves. */
import { AssertionError } from 'node:assert';

/** What `work` rejects with. */
export async function rejection(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not reject');
}

/** The AssertionError of an expectation that does not hold. */
export function failure(expectation: () => unknown): AssertionError {
  try {
    expectation();
  } catch (error) {
    if (error instanceof AssertionError) return error;
    throw error;
  }
  throw new Error('the expectation did not fail');
}
