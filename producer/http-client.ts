/**
 * One GET, redirects followed, by way of the proxies that the environment names (HTTP_PROXY, HTTPS_PROXY, NO_PROXY, or in small letters).
 *
 * undici, as the fetch of Node 20 knows no proxies, follows redirects by itself, and unpacks where the bytes as they travel are what a
 * Range counts. Loading it takes 0.1 s, so that this file is imported for a URL alone.
 */
import { type Dispatcher, EnvHttpProxyAgent, Pool, request } from 'undici';
import { DropError, errorCode, oneLine } from '../shared/errors.js';
import type { Headers } from './ranges.js';

/** Redirects in a row. */
const MOST_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Answers after which the next try may go well. */
const PASSING_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Errors of the network, of a proxy and of undici after which it may, too. */
const PASSING_CODES = new Set(
  `ECONNRESET ECONNREFUSED ECONNABORTED ETIMEDOUT EPIPE EAI_AGAIN ENETDOWN ENETUNREACH EHOSTDOWN EHOSTUNREACH UND_ERR_SOCKET
  UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT UND_ERR_RES_CONTENT_LENGTH_MISMATCH`.split(/\s+/),
);

/** A try that failed so that another may go well. The message goes on behind the URL: `did not answer within 30 s`. */
export class Broken extends Error {
  constructor(
    message: string,
    /** Milliseconds that the server asks to be left alone; 0 where it does not say. */
    readonly waitAtLeast = 0,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** A proxy that will not, with its status. */
class ProxyRefusal extends Error {
  constructor(readonly status: number) {
    super(`the proxy answered ${status}`);
  }
}

export interface Answer {
  status: number;
  headers: Headers;
  body: AsyncIterable<Buffer>;
  /** Lets go of the body. */
  close(): void;
}

/** The connections of one download. */
export class HttpClient {
  readonly #agent: EnvHttpProxyAgent;
  /** True when a server sent more than it had told of, which undici cuts off and then finds to be no answer. */
  excess = false;

  /** @throws DropError where a proxy's address is none */
  constructor() {
    const factory = (origin: string | URL, options: object) =>
      new Pool(origin, options).on('disconnect', (_origin, _targets, error) => {
        // undici's words for bytes of an answer that nobody has asked for
        if (error.message === 'bad response' || error.name === 'HTTPParserError') this.excess = true;
      });
    try {
      // the caller has its own timers; a proxy is asked for http: as for a page, as many refuse to CONNECT to port 80
      this.#agent = new EnvHttpProxyAgent({ headersTimeout: 0, bodyTimeout: 0, connect: { timeout: 0 }, proxyTunnel: false, factory });
    } catch {
      // without its cause, which quotes the address with its password
      throw new DropError('the address of the proxy cannot be understood', { hint: 'check HTTP_PROXY and HTTPS_PROXY' });
    }
  }

  /**
   * @param authorization header for the URL's own origin
   * @param onHop called before each request, also that of a redirect
   * @throws Broken, or DropError with what is wrong behind `shown`
   */
  async get(
    url: URL,
    shown: string,
    headers: Record<string, string>,
    { authorization, signal, onHop }: { authorization: string | null; signal: AbortSignal; onHop: () => void },
  ): Promise<Answer> {
    const seen = new Set<string>();
    let at = url;
    let credentials = authorization;
    for (;;) {
      if (seen.has(at.href)) throw new DropError(`${shown} is redirected in a circle`, { hint: 'look at the address in a browser' });
      if (seen.size > MOST_REDIRECTS) throw new DropError(`${shown} is redirected more than ${MOST_REDIRECTS} times`);
      seen.add(at.href);
      onHop();
      const answer = await this.#once(at, credentials === null ? headers : { ...headers, authorization: credentials }, signal);
      if (!REDIRECTS.has(answer.status)) {
        if (answer.status === 200 || answer.status === 206 || answer.status === 416) return answer;
        answer.close();
        throw refusal(answer, at.origin === url.origin ? shown : `${shown}, redirected to ${at.origin},`);
      }
      answer.close();
      const next = target(answer.headers.location, at);
      if (next === null) throw new DropError(`${shown} is redirected to nowhere`);
      if (at.protocol === 'https:' && next.protocol === 'http:')
        throw new DropError(`${shown} is redirected from https to http`, { hint: 'ask for a drop that stays with https' });
      // whoever is redirected to has no business with the password, also when it sends us back
      if (next.origin !== at.origin) credentials = null;
      at = next;
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy().catch(() => {});
  }

  async #once(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
    let response: Dispatcher.ResponseData;
    try {
      response = await request(url, { dispatcher: this.#agent, headers, signal });
    } catch (error) {
      throw asBroken(error);
    }
    const { statusCode, body } = response;
    body.on('error', () => {}); // of one that is let go of; a reader hears of it all the same
    return { status: statusCode, headers: response.headers, body: readable(body), close: () => body.destroy() };
  }
}

async function* readable(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    throw asBroken(error);
  }
}

/** A URL without credentials and fragment; null where there is none to go to. */
function target(location: string | string[] | undefined, from: URL): URL | null {
  const text = Array.isArray(location) ? location[0] : location;
  if (text === undefined || !URL.canParse(text, from.href)) return null;
  const url = new URL(text, from);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return null;
  url.username = url.password = url.hash = '';
  return url;
}

/** By its number alone: the words of a server are its own, and may be anything. */
function refusal({ status, headers }: Answer, shown: string): Error {
  const what = `answered ${status} ${STATUS[status] ?? ''}`.trim();
  if (PASSING_STATUS.has(status)) return new Broken(what, retryAfter(headers['retry-after']));
  const hint =
    status === 401
      ? 'put user and password into the URL, or check them'
      : status === 403
        ? 'may this user read it? a signed URL may have run out'
        : status === 407
          ? PROXY_PASSWORD
          : undefined;
  return new DropError(`${shown} ${what}`, { hint });
}

const STATUS: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  410: 'Gone',
  412: 'Precondition Failed',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** Milliseconds, a minute at the most. */
function retryAfter(value: string | string[] | undefined): number {
  const text = String(value ?? '');
  const wait = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(wait) ? 0 : Math.min(Math.max(wait, 0), 60_000);
}

/** What to do about an error that another try does not help. */
export function hintOf(error: unknown): string | undefined {
  if (error instanceof ProxyRefusal) return error.status === 407 ? PROXY_PASSWORD : 'the proxy is the one of HTTP_PROXY or HTTPS_PROXY';
  const code = errorCode(error) ?? '';
  if (code === 'ENOTFOUND') return 'is the name of the server right? HTTP_PROXY and HTTPS_PROXY are for networks that need them';
  if (/CERT|SIGNATURE/.test(code)) return 'NODE_EXTRA_CA_CERTS names a file (PEM) with certificates to trust';
  return undefined;
}

const PROXY_PASSWORD = 'put user and password into HTTP_PROXY or HTTPS_PROXY';

/** Broken where another try may help, else what it was. */
function asBroken(error: unknown): unknown {
  // undici has no code of its own for either
  const byProxy = /^Proxy response \((\d+)\)|^Proxy Authentication Required \((\d+)\)/.exec(oneLine(error));
  if (byProxy !== null) {
    const status = Number(byProxy[1] ?? byProxy[2]);
    return PASSING_STATUS.has(status) ? new Broken(`cannot be fetched: the proxy answered ${status}`) : new ProxyRefusal(status);
  }
  const code = errorCode(error) ?? errorCode((error as { cause?: unknown }).cause);
  return code !== undefined && PASSING_CODES.has(code) ? new Broken(`cannot be fetched: ${oneLine(error)}`, 0, error) : error;
}
