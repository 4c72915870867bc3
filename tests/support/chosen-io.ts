/**
 * The environment of workers in tests: nothing of ours counts but where connections live, so that a whole tier can run
 * either way: `CELERIAC_TASK_HANDLER__IO=inline npm run test:integration`.
 */
const { CELERIAC_TASK_HANDLER__IO: io } = process.env;

export const chosenIo: Readonly<Record<string, string>> =
  io === undefined ? {} : { CELERIAC_TASK_HANDLER__IO: io };
