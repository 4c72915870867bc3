/** The versions of RabbitMQ that the broker can behave like, as data: what differs between them, and nothing else. */
export type ProfileName = '3.10' | '3.13' | '4.3';

export interface Profile {
  readonly name: ProfileName;
  /** As the server properties tell it. */
  readonly version: string;
}

/** In the order of their age. */
export const profileNames: readonly ProfileName[] = ['3.10', '3.13', '4.3'];

export const profiles: Readonly<Record<ProfileName, Profile>> = {
  '3.10': { name: '3.10', version: '3.10.8' },
  '3.13': { name: '3.13', version: '3.13.7' },
  '4.3': { name: '4.3', version: '4.3.0' },
};
