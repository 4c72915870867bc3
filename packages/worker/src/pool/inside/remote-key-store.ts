/** The key store as code in a child sees it: every step is asked of the parent, which has the connection. */
import type { Entry, Holder, SendKeyStore } from '@celeriac/core';

import type { StoreCall } from '../protocol.js';
import type { Calls } from './remote-broker.js';

type Given<Method extends keyof SendKeyStore> = Parameters<SendKeyStore[Method]>;

export class RemoteKeyStore implements SendKeyStore {
  #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  hold(...given: Given<'hold'>): Promise<Holder | undefined> {
    return this.#ask('hold', given) as Promise<Holder | undefined>;
  }

  confirm(...given: Given<'confirm'>): Promise<boolean> {
    return this.#ask('confirm', given) as Promise<boolean>;
  }

  holder(...given: Given<'holder'>): Promise<Holder | undefined> {
    return this.#ask('holder', given) as Promise<Holder | undefined>;
  }

  async letGo(...given: Given<'letGo'>): Promise<void> {
    await this.#ask('letGo', given);
  }

  enter(...given: Given<'enter'>): Promise<Entry> {
    return this.#ask('enter', given) as Promise<Entry>;
  }

  async supersede(...given: Given<'supersede'>): Promise<void> {
    await this.#ask('supersede', given);
  }

  #ask<Method extends keyof SendKeyStore>(method: Method, given: Given<Method>): Promise<unknown> {
    return this.#calls.ask('tasks', { what: 'store', method, given } as StoreCall);
  }
}
