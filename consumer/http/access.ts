/** Who may ask for what: pure. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

/**
 * May a request with this Host be answered where no token is set? A page of any site can have its own name point to 127.0.0.1 and read what
 * it gets from there (DNS rebinding); its requests carry that name. An address, or `localhost`, is no name that a site can have.
 */
export function isOwnHost(host: string | undefined): boolean {
  if (host === undefined) return false;
  const m = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(host);
  if (m === null) return false;
  if (m[1] !== undefined) return isIP(m[1]) === 6;
  return isIP(m[2]) === 4 || m[2].toLowerCase() === 'localhost';
}

/** Does an Authorization header carry the token? Takes as long whatever it is compared with. */
export function hasToken(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? '';
  return timingSafeEqual(digest(given), digest(token));
}

/** Both sides become equally long. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
