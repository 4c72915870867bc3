/** Root hooks of every tier with servers: the shared node is stopped when the tier ends. */
import { stopSharedRabbit } from './broker.js';

export const mochaHooks = {
  async afterAll(this: Mocha.Context): Promise<void> {
    this.timeout(60_000);
    await stopSharedRabbit();
  },
};
