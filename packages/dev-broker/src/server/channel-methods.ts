/** What the parts of a channel share: handlers by method, and answers. */
import type { MethodFields, MethodName } from '../codec/methods.js';
import type { AmqpError } from '../engine/amqp-error.js';
import type { Message } from '../engine/message.js';
import type { Vhost } from '../engine/vhost.js';
import type { ConfirmFate } from '../faults/target.js';

/** What a channel needs of its connection. */
export interface ChannelConnection {
  readonly vhost: Vhost;
  /** False while the client reads more slowly than we write. */
  readonly flowing: boolean;
  /** What the client said that it understands. */
  readonly clientCapabilities: ReadonlySet<string>;
  /** What becomes of the next confirm. */
  confirmFate(): ConfirmFate;
  send<Name extends MethodName>(channel: number, name: Name, fields: MethodFields<Name>): void;
  sendContent(channel: number, method: ContentMethod, message: Message): void;
  /** Closes a channel for a reason that no method of the client's gave. */
  refuseChannel(channel: number, error: AmqpError): void;
}

export type ContentMethod =
  | { readonly name: 'basic.deliver'; readonly fields: MethodFields<'basic.deliver'> }
  | { readonly name: 'basic.return'; readonly fields: MethodFields<'basic.return'> }
  | { readonly name: 'basic.get-ok'; readonly fields: MethodFields<'basic.get-ok'> };

export type Handlers = { [Name in MethodName]?: (fields: MethodFields<Name>) => void };

/** One channel's way out. */
export class Answers {
  readonly number: number;
  readonly connection: ChannelConnection;

  constructor(number: number, connection: ChannelConnection) {
    this.number = number;
    this.connection = connection;
  }

  send<Name extends MethodName>(name: Name, fields: MethodFields<Name>): void {
    this.connection.send(this.number, name, fields);
  }

  content(method: ContentMethod, message: Message): void {
    this.connection.sendContent(this.number, method, message);
  }

  /** Unless the client said that it does not wait for one. */
  answer<Name extends MethodName>(
    asked: { readonly noWait?: boolean },
    name: Name,
    fields: MethodFields<Name>,
  ): void {
    if (asked.noWait !== true) this.send(name, fields);
  }
}
