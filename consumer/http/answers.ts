/** Answers of the HTTP face, and the headers that all of them carry. */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { packageFile } from '../../shared/package-root.js';

export interface Answer {
  status: number;
  type: string;
  body: string | Buffer;
  headers?: Record<string, string>;
}

/** The files of the page are read as they stand in the source, and there is no build step for them. */
const PAGE = packageFile('consumer', 'http', 'page');

const JSON_TYPE = 'application/json; charset=utf-8';

const ALWAYS: Record<string, string> = {
  // nothing from elsewhere, nothing inline, no text that becomes markup
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  // orders do not belong into the cache of a shared machine
  'cache-control': 'no-store',
};

export function json(body: unknown, status = 200): Answer {
  return { status, type: JSON_TYPE, body: JSON.stringify(body) };
}

export function words(status: number, text: string, headers?: Record<string, string>): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n`, headers };
}

const files = new Map<string, Promise<Buffer>>();

/** A file of the page, read once. */
export async function file(name: string, type: string): Promise<Answer> {
  let body = files.get(name);
  if (body === undefined) {
    body = readFile(join(PAGE, name));
    files.set(name, body);
    body.catch(() => files.delete(name));
  }
  return { status: 200, type, body: await body };
}

export function send(request: IncomingMessage, response: ServerResponse, { status, type, body, headers }: Answer): void {
  response.writeHead(status, { ...ALWAYS, 'content-type': type, 'content-length': Buffer.byteLength(body), ...headers });
  response.end(request.method === 'HEAD' ? undefined : body);
}
