/** A Lua script: several steps that the server runs as one. Known by its digest, so that its text travels once. Pure. */
import { createHash } from 'node:crypto';

export class RedisScript {
  readonly text: string;
  readonly digest: string;

  constructor(text: string) {
    this.text = text;
    this.digest = createHash('sha1').update(text).digest('hex');
  }
}
