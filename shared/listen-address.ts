/** Where the HTTP face listens, read from its setting: pure. */
import { isIP } from 'node:net';

export interface ListenAddress {
  host: string;
  /** 0 for any that is free. */
  port: number;
}

/** Visible ASCII: what a header carries as it is. Eight characters are no protection, and keep an empty or mistyped variable out. */
const TOKEN = /^[\x21-\x7e]{8,4096}$/;

/** @returns null for what is no address: `8080`, `:8080`, `127.0.0.1:8080`, `[::1]:8080` and `localhost:8080` are */
export function listenAddress(text: string): ListenAddress | null {
  const m = /^(?:(?:\[([0-9a-fA-F:.%]+)\]|([^\s:[\]/]*)):)?(\d{1,5})$/.exec(text);
  if (m === null || Number(m[3]) > 65535) return null;
  if (m[1] !== undefined && isIP(m[1]) !== 6) return null;
  return { host: m[1] ?? (m[2] || '127.0.0.1'), port: Number(m[3]) };
}

/** Can only this machine reach it? */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** What is wrong with the two settings, in words. */
export function listenFaults(listen: string, token: string | undefined): string[] {
  const faults: string[] = [];
  const address = listenAddress(listen);
  if (address === null) faults.push(`HTTP_LISTEN "${listen}" is not an address like 127.0.0.1:8080`);
  else if (token === undefined && !isLoopback(address.host))
    faults.push(`HTTP_LISTEN "${listen}" can be reached from other machines and the page shows orders: set HTTP_TOKEN, too`);
  if (token !== undefined && !TOKEN.test(token)) faults.push('HTTP_TOKEN is not 8 to 4096 visible ASCII characters');
  return faults;
}
