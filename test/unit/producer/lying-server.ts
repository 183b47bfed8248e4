/** HTTP servers for tests: one that sends a file in the right way, ranges and all, and whatever else a test has it do. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';

const servers: Server[] = [];
after(() => {
  for (const s of servers) {
    s.closeAllConnections();
    s.close();
  }
});

/** @returns `127.0.0.1:<port>` */
export async function serve(listener: RequestListener, prepare?: (server: Server) => void): Promise<string> {
  const server = createServer(listener);
  prepare?.(server);
  servers.push(server);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** One version of a file. */
export interface Served {
  bytes: Buffer;
  etag?: string;
  lastModified?: string;
}

export interface Sending {
  /** The connection ends behind so many bytes of the answer's body. */
  cutAfter?: number;
  /** False: Range is passed over. */
  ranges?: boolean;
  /** Headers that are not what they should be. */
  headers?: Record<string, string | number>;
  status?: number;
}

/** Answers as a good server does, but for what `how` says. */
export function send(request: IncomingMessage, response: ServerResponse, file: Served, how: Sending = {}): void {
  const { range } = request.headers;
  const condition = request.headers['if-range'];
  const current = condition === undefined || condition === file.etag || condition === file.lastModified;
  const from = range !== undefined && current && how.ranges !== false ? Number(/^bytes=(\d+)-$/.exec(range)![1]) : null;
  const headers: Record<string, string | number> = {};
  if (file.etag !== undefined) headers.etag = file.etag;
  if (file.lastModified !== undefined) headers['last-modified'] = file.lastModified;
  const { length } = file.bytes;
  if (from !== null && from >= length) {
    response.writeHead(416, { 'content-range': `bytes */${length}`, ...how.headers }).end();
    return;
  }
  if (from !== null) headers['content-range'] = `bytes ${from}-${length - 1}/${length}`;
  const body = file.bytes.subarray(from ?? 0);
  headers['content-length'] = body.length;
  response.writeHead(how.status ?? (from === null ? 200 : 206), { ...headers, ...how.headers });
  if (how.cutAfter === undefined) response.end(body);
  else response.write(body.subarray(0, how.cutAfter), () => setTimeout(() => response.destroy(), 30));
}
