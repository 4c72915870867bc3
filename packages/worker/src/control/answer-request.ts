/** From a request to an answer: which command it is, whether it is allowed, and what it came to. Never rejects. */
import { type ControlRequest, errorText } from '@celeriac/core';

import { actions } from './actions.js';
import type { Commands, ControlledWorker } from './command.js';
import { ControlError, pythonError } from './control-error.js';
import { questions } from './questions.js';

/** Without a prototype: a method's name is a stranger's text. */
const commands: ReadonlyMap<string, Commands[string]> = new Map(Object.entries({ ...questions, ...actions }));

export async function answerRequest(worker: ControlledWorker, request: ControlRequest): Promise<unknown> {
  const { method, args, replyTo } = request;
  const { logger, config } = worker;
  const command = commands.get(method);
  try {
    if (command === undefined) throw pythonError('KeyError', method);
    if (command.level === 'full' && config.task_handler.remote_control !== 'full')
      throw pythonError('PermissionError', `${method} needs task_handler.remote_control: full`);
    return await command.run(worker, args);
  } catch (error) {
    const text =
      error instanceof ControlError ? error.message : pythonError('RuntimeError', errorText(error)).message;
    // Flower asks for its events every five seconds.
    if (replyTo === undefined) logger.debug('a command was refused', { method, refusal: text });
    else logger.info('a command was refused', { method, refusal: text });
    return { error: text };
  }
}
