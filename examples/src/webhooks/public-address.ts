/**
 * Which addresses a webhook may go to: those of the public internet. Refuses this machine, the networks it stands in,
 * what clouds answer on, and what leads to any of them. Looks names up; connects to nothing.
 *
 * Source: the IANA registries of special-purpose addresses for IPv4 and IPv6 (RFC 6890 and later).
 */
import { lookup as lookUp, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, isIP } from 'node:net';

const special = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // behind a carrier's NAT
  ['127.0.0.0', 8], // loopback
  ['169.254.0.0', 16], // link-local: the metadata of clouds
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16], // private
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, and broadcast
] as const)
  special.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['2001::', 23], // protocol assignments: Teredo, which holds an IPv4 address, and others
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4, which holds an IPv4 address
  ['3fff::', 20], // documentation
] as const)
  special.addSubnet(network, prefix, 'ipv6');

/** All of IPv6 that is assigned to the internet; loopback, private, link-local, mapped and translated lie outside. */
const globalIpv6 = new BlockList();
globalIpv6.addSubnet('2000::', 3, 'ipv6');

export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 4) return !special.check(address, 'ipv4');
  return version === 6 && globalIpv6.check(address, 'ipv6') && !special.check(address, 'ipv6');
}

export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

/** Throws AddressRefused. */
export type CheckAddress = (address: string) => void;

export const publicOnly: CheckAddress = (address) => {
  if (isPublicAddress(address)) return;
  throw new AddressRefused('It leads to an address that is not on the public internet.'); // and says not to which
};

type Done = (error: Error | null, found: string | LookupAddress[], family?: number) => void;
type LookUp = (
  host: string,
  options: { readonly all: true; readonly family: number },
  done: (error: Error | null, found: LookupAddress[]) => void,
) => void;

/**
 * A `lookup` for sockets that gives what was checked: the name is looked up once, every address it has is checked, and
 * the connection goes to one of these, whatever the name says a moment later.
 */
export function checkedLookup(check: CheckAddress, ask: LookUp = lookUp) {
  return (host: string, { all, family }: LookupOptions, done: Done): void => {
    const version = family === 'IPv4' || family === 4 ? 4 : family === 'IPv6' || family === 6 ? 6 : 0;
    ask(host, { all: true, family: version }, (error, found) => {
      try {
        if (error !== null) throw error;
        for (const { address } of found) check(address);
        const [first] = found;
        if (first === undefined) throw new Error(`The name has no address.`);
        if (all === true) done(null, found);
        else done(null, first.address, first.family);
      } catch (refused) {
        done(refused as Error, '');
      }
    });
  };
}
