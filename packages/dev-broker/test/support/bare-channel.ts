/** A channel of the broker without a socket: methods go straight in, and what it says is counted. Knows no frames. */
import type { MethodFields, MethodName } from '../../dist/codec/methods.js';
import { methods } from '../../dist/codec/methods.js';
import { profiles } from '../../dist/engine/profile.js';
import { Vhost } from '../../dist/engine/vhost.js';
import { Channel } from '../../dist/server/channel.js';
import { ManualClock } from '../../../core/dist-test/support/manual-clock.js';

const zeros = { octet: 0, short: 0, long: 0, longlong: 0, bit: false, shortstr: '', table: {} };
/** Class basic, weight 0, a body of one byte, no properties. */
const oneByte = Buffer.from(`003c0000${'00'.repeat(7)}010000`, 'hex');
const body = Buffer.from('x');

export class BareChannel {
  readonly vhost: Vhost;
  /** What the broker has sent, by name. */
  readonly sent: Record<string, number> = {};
  readonly connection: object;
  flowing = true;
  #channel: Channel;

  constructor(vhost: Vhost = new Vhost('/', { clock: new ManualClock(), profile: profiles['3.10'] })) {
    this.vhost = vhost;
    const count = (name: string): void => {
      this.sent[name] = (this.sent[name] ?? 0) + 1;
    };
    const isFlowing = (): boolean => this.flowing;
    const connection = {
      vhost,
      get flowing(): boolean {
        return isFlowing();
      },
      clientCapabilities: new Set<string>(),
      confirmFate: () => 'tell' as const,
      send: (_: number, name: MethodName) => count(name),
      sendContent: (_: number, { name }: { name: MethodName }) => count(name),
      refuseChannel: () => count('channel.close'),
    };
    this.connection = connection;
    this.#channel = new Channel(1, connection);
  }

  /** Fields that are left out are zero, false or empty. */
  call<Name extends MethodName>(name: Name, fields: Partial<MethodFields<Name>> = {}): void {
    const definition = methods.find((method) => method.name === name);
    const defaults = (definition?.fields ?? []).map(([field, type]) => [
      field,
      type === 'longstr' ? Buffer.alloc(0) : zeros[type],
    ]);
    const all = { ...(Object.fromEntries(defaults) as object), ...fields };
    this.#channel.method({ name, fields: all } as never);
  }

  publish(queue: string, exchange = ''): void {
    this.call('basic.publish', { exchange, routingKey: queue });
    this.#channel.header(oneByte);
    this.#channel.body(body);
  }

  /** The connection is gone. */
  close(): void {
    this.#channel.close();
    this.vhost.connectionClosed(this.connection);
  }
}
