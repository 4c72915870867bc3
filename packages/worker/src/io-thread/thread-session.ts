/** A connection that the I/O thread holds, as the main thread sees it: what happens to it, and its end. */
import { EventEmitter } from 'node:events';

import type { CeleriacError, SessionEvents } from '@celeriac/core';

import type { SideSession } from '../side.js';
import type { Link } from './link.js';
import type { ToMain, Which } from './protocol.js';
import { celeriacFromWire, type WireError } from './wire-error.js';

export interface ThreadSessionParts {
  readonly which: Which;
  readonly link: () => Link;
  readonly onClosed: () => Promise<void>;
}

export class ThreadSession implements SideSession {
  readonly events: EventEmitter<SessionEvents> = new EventEmitter<SessionEvents>();
  #parts: ThreadSessionParts;
  #up = false;
  /** Connections of threads before this one. */
  #before = 0;
  #generation = 0;

  constructor(parts: ThreadSessionParts) {
    this.#parts = parts;
  }

  ready(): Promise<void> {
    return this.#parts.link().request({ kind: 'ready', which: this.#parts.which });
  }

  async close(): Promise<void> {
    const { link, which, onClosed } = this.#parts;
    await link().requestEnd({ kind: 'close-session', which });
    await onClosed();
  }

  happened({ event, about }: Extract<ToMain, { kind: 'session' }>): void {
    switch (event) {
      case 'restored':
        this.#up = true;
        this.#generation = this.#before + (about as number);
        this.events.emit(event, this.#generation);
        return;
      case 'lost':
        this.#lost(celeriacFromWire(about as WireError));
        return;
      case 'connect-failed':
        this.events.emit(event, celeriacFromWire(about as WireError));
        return;
      case 'blocked':
        this.events.emit(event, about as string);
        return;
      case 'unblocked':
      case 'closing':
        this.events.emit(event);
    }
  }

  crashed(error: CeleriacError): void {
    this.#before = this.#generation;
    if (this.#up) this.#lost(error);
  }

  #lost(error: CeleriacError): void {
    this.#up = false;
    this.events.emit('lost', error);
  }
}
