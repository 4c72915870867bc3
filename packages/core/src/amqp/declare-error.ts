/** What is told of a declaration that cannot be: errors with the name, and what to do. Decides and declares nothing. */
import { CeleriacError, errorText } from '../errors.js';
import { type Inequivalence, replyCode } from './channel-error.js';

/** How long a declaration may take. */
export const answerMs = 15_000;

/** The command that shows every difference; `apply` is the one that ends them. */
export const mendIt = 'celeriac topology plan';

type Kind = 'queue' | 'exchange' | 'binding';

/** What is declared. */
export interface Subject {
  readonly kind: Kind;
  readonly name: string;
  readonly family?: string | undefined;
  readonly isTransient?: boolean;
}

export function unanswered(): CeleriacError {
  return new CeleriacError('ERR_CHANNEL_CLOSED', {
    message: `The broker did not answer a declaration within ${answerMs / 1000} s.`,
    hint: 'It is tried again. Look for a queue without a leader, or an alarm (rabbitmq-diagnostics alarms).',
  });
}

export function mismatch({ kind, name }: Subject, difference: Inequivalence, cause: unknown): CeleriacError {
  const { argument, wanted, present } = difference;
  return new CeleriacError('ERR_TOPOLOGY_MISMATCH', {
    message: `The ${kind} '${name}' exists with ${argument} ${present}, but ${wanted} is needed: confirmed messages could be lost, or handled twice.`,
    hint:
      kind === 'queue'
        ? `See \`${mendIt}\`; \`celeriac topology apply\` moves it to what is needed, with its messages. Or configure another name.`
        : `See \`${mendIt}\`. Delete it and let it be declared again, or configure another name.`,
    values: { [kind]: name, argument, wanted, present },
    cause,
  });
}

export function topologyError(error: unknown, { kind, name }: Subject): unknown {
  const code = (error as { code?: number }).code;
  const values = { [kind]: name, replyCode: code };
  const text = errorText(error);
  if (code === replyCode.notFound) {
    return new CeleriacError('ERR_TOPOLOGY_MISSING', {
      message: `The ${kind} '${name}' does not exist: ${text}.`,
      hint: 'Create it, or let Celeriac declare it with tasks.declare_queues: true.',
      values,
      cause: error,
    });
  }
  if (code === replyCode.accessRefused) {
    return new CeleriacError('ERR_TOPOLOGY_REFUSED', {
      message: `The user may not create the ${kind} '${name}', and it does not exist: ${text}.`,
      hint: 'Create it with a user who may configure it, or grant the permission (rabbitmqctl set_permissions).',
      values,
      cause: error,
    });
  }
  if (code === replyCode.resourceLocked || code === replyCode.preconditionFailed) {
    return new CeleriacError('ERR_TOPOLOGY_MISMATCH', {
      message: `The ${kind} '${name}' cannot be declared as it has to be: ${text}.`,
      hint: `Another program owns it or created it differently: see \`${mendIt}\`, or configure another name.`,
      values,
      cause: error,
    });
  }
  return error; // the connection or the channel went: the caller tries again
}
