/**
 * Health, metrics and a page for people over HTTP: the only file that knows which address answers what. It only reads.
 *
 *   /live /ready                                   for supervisors; told to anybody who can reach it
 *   / and the files of the page                    hold nothing of their own; told to anybody
 *   /metrics /status.json /drops.json /reject.json  with the token, where one is set
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { errorCode, ServiceError } from '../../shared/errors.js';
import { type ListenAddress, listenAddress } from '../../shared/listen-address.js';
import type { Logger } from '../../shared/log.js';
import type { Settings } from '../../shared/settings.js';
import type { WorkerObserver } from '../worker-options.js';
import { hasToken, isOwnHost } from './access.js';
import { type Answer, file, send, words } from './answers.js';
import { Teller } from './teller.js';

export interface HttpFaceOptions {
  settings: Settings;
  databaseUrl: string;
  log: Logger;
  version: string;
}

export interface HttpFace {
  url: string;
  observer: WorkerObserver;
  close(): Promise<void>;
}

interface Route {
  /** True for what tells nothing that is not for everybody. */
  open?: boolean;
  answer: (query: URLSearchParams) => Promise<Answer>;
}

/** Milliseconds without a byte in either direction before a connection is cut. */
const SILENCE = 15_000;
/** Answers that a client has asked for on one connection and not read: 10 connections with 2,000 questions each took 330 MB. */
const MOST_UNREAD = 8;

const JAVASCRIPT = 'text/javascript; charset=utf-8';

/** @throws ServiceError where the address cannot be listened on */
export async function openHttpFace(options: HttpFaceOptions): Promise<HttpFace> {
  const { settings, log } = options;
  const teller = new Teller(options);
  const page = (name: string, type: string): Route => ({ open: true, answer: () => file(name, type) });
  const routes = new Map<string, Route>([
    ['/live', { open: true, answer: () => teller.live() }],
    ['/ready', { open: true, answer: () => teller.ready() }],
    ['/metrics', { answer: () => teller.metrics() }],
    ['/', page('index.html', 'text/html; charset=utf-8')],
    ...['page', 'parts', 'narrow'].map((n): [string, Route] => [`/${n}.css`, page(`${n}.css`, 'text/css; charset=utf-8')]),
    ['/icon.svg', page('icon.svg', 'image/svg+xml')],
    ...['page', 'ask', 'sections', 'plot', 'reject', 'dom', 'words'].map((n): [string, Route] => [`/${n}.js`, page(`${n}.js`, JAVASCRIPT)]),
    ['/status.json', { answer: () => teller.status() }],
    ['/drops.json', { answer: query => teller.drops(query) }],
    ['/reject.json', { answer: query => teller.reject(query) }],
  ]);

  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const { host, authorization } = request.headers;
    if (settings.httpToken === undefined && !isOwnHost(host)) return words(421, 'Ask by address or as localhost, or set HTTP_TOKEN');
    const at = pathOf(request.url ?? '');
    const route = routes.get(at.pathname);
    if (route === undefined) return words(404, 'There is nothing here');
    if (request.method !== 'GET' && request.method !== 'HEAD') return words(405, 'This only reads', { allow: 'GET, HEAD' });
    if (!route.open && settings.httpToken !== undefined && !hasToken(authorization, settings.httpToken))
      return words(401, 'The token (HTTP_TOKEN) is missing or wrong', { 'www-authenticate': 'Bearer realm="glossier"' });
    return route.answer(at.searchParams);
  };

  const server = createServer({
    maxHeaderSize: 16 * 1024,
    requestTimeout: 10_000,
    headersTimeout: 5000,
    connectionsCheckingInterval: 1000, // with Node's 30 s a client that sends nothing kept its place for 28 s
    keepAliveTimeout: 5000,
  });
  server.maxConnections = 200;
  server.setTimeout(SILENCE); // of a client that does not read what it has asked for
  const unread = new WeakMap<Socket, number>();
  server.on('request', (request, response) => {
    const { socket } = request;
    const waiting = (unread.get(socket) ?? 0) + 1;
    if (waiting > MOST_UNREAD) {
      socket.destroy();
      return;
    }
    unread.set(socket, waiting);
    response.once('close', () => unread.set(socket, (unread.get(socket) ?? 1) - 1));
    request.resume(); // a body that somebody sends all the same
    answer(request)
      .catch(error => {
        log.debug({ reason: errorCode(error) ?? String(error) }, 'a question over HTTP could not be answered');
        return words(500, 'That could not be answered');
      })
      .then(a => send(request, response, a))
      .catch(() => response.destroy());
  });
  await listen(server, listenAddress(settings.http!)!);
  const { address, family, port } = server.address() as AddressInfo;
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`;
  log.info({ url }, 'health, metrics and a page for people');
  return {
    url,
    observer: teller,
    async close() {
      server.close();
      server.closeAllConnections();
      await teller.close();
    },
  };
}

/** What is asked for; what cannot be read as an address comes to one that is not there. */
function pathOf(target: string): URL {
  const text = `http://glossier${target}`;
  return new URL(target.startsWith('/') && URL.canParse(text) ? text : 'http://glossier/not/an/address');
}

function listen(server: Server, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error =>
      reject(
        new ServiceError(`cannot listen on ${host}:${port} (${errorCode(error) ?? error.message})`, {
          cause: error,
          hint: 'is it taken? give --http (HTTP_LISTEN) another address, or port 0 for any',
        }),
      ),
    );
    server.listen({ host, port }, () => {
      server.removeAllListeners('error').on('error', () => {});
      resolve();
    });
  });
}
