/** The public surface of `@celeriac/testing`. */
export {};
