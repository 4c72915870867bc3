/** A worker of `celeriac dev` ends when that does, also when that was killed: its broker is gone as well. */

/** Set for the worker: the process that supervises it. Children of the worker inherit it, and have another parent. */
export const supervisorVariable = 'CELERIAC_SUPERVISOR';

export function endWithSupervisor(): void {
  if (process.env[supervisorVariable] !== String(process.ppid)) return;
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
}
