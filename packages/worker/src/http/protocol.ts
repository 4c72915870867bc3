/** What the main thread and the HTTP thread share and say to each other. Types and numbers only. */

/** What the thread is started with. */
export interface HttpBoot {
  readonly host: string;
  readonly port: number;
  /** How long the event loop of the main thread may stand still, milliseconds. */
  readonly maxBlockMs: number;
  /** One 64-bit number: when that loop turned last, nanoseconds of the process's own clock. */
  readonly beat: SharedArrayBuffer;
  /** Where the name of the handler that runs stands; undefined where nobody writes it. */
  readonly handlers: SharedArrayBuffer | undefined;
}

/** An answer: JSON. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

export type FromHttp =
  | { readonly kind: 'listening'; readonly port: number }
  /** It cannot listen. `code` is that of the system. */
  | { readonly kind: 'refused'; readonly code: string | undefined; readonly text: string }
  | { readonly kind: 'ask'; readonly id: number; readonly path: string };

export interface ToHttp {
  readonly kind: 'answer';
  readonly id: number;
  readonly answer: Answer;
}
