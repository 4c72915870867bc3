/** What a process needs to sign and to verify, from its configuration. Reads key files; connects to nothing. */
import type { Section } from '../broker.js';
import type { Clock } from '../clock.js';
import type { Config } from '../config/types.js';
import { loadKeyRing } from './key-ring.js';
import { Signer } from './signer.js';
import { Verifier } from './verifier.js';

export interface SectionSigning {
  /** Absent: nothing is signed. */
  readonly signer?: Signer | undefined;
  /** Absent: no keys are configured, and none are asked for. */
  readonly verifier?: Verifier | undefined;
}

export type Signing = Readonly<Record<Section, SectionSigning>>;

/** Rejects with ERR_SIGNING_KEY. */
export async function loadSigning(config: Config, clock: Clock): Promise<Signing> {
  const [tasks, events] = await Promise.all([of('tasks'), of('events')]);
  return { tasks, events };

  async function of(section: Section): Promise<SectionSigning> {
    const { signing: settings } = config[section];
    const { own, keys } = await loadKeyRing(config, section);
    const { time_zone: timeZone } = config.tasks;
    return {
      signer: own === undefined ? undefined : new Signer(own, clock),
      verifier: keys.size === 0 ? undefined : new Verifier({ keys, settings, clock, timeZone }),
    };
  }
}
