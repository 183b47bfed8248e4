/** The HTTP face of a worker that runs as a child process. */
import type { RunningCli } from './cli.js';

export interface Face {
  url: string;
  /** Status and text of a GET. */
  get(path: string, headers?: Record<string, string>): Promise<{ status: number; text: string; headers: Headers }>;
  // biome-ignore lint/suspicious/noExplicitAny: what an address answers is the test's to know
  json(path: string): Promise<any>;
  /** A metric by its name with labels as they are written; undefined where there is none. */
  metric(series: string): Promise<number | undefined>;
}

/** Waits until a worker says where it listens. */
export async function faceOf(worker: RunningCli): Promise<Face> {
  await worker.waitFor(/"url":"http/);
  const url = /"url":"(http[^"]+)"/.exec(worker.output().stderr)![1];
  const get: Face['get'] = async (path, headers = {}) => {
    const response = await fetch(url + path, { headers });
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
  return {
    url,
    get,
    json: async path => JSON.parse((await get(path)).text),
    async metric(series) {
      const { text } = await get('metrics');
      const line = text.split('\n').find(l => l.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length + 1));
    },
  };
}
