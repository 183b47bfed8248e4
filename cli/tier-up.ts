/**
 * When V8 compiles a function that has run often, set before anything else runs: three times as late as by itself. A worker's minute is a few functions that
 * stay hot and many that are warm once, and compiling those takes the core that Postgres works on: 131,830 orders by one worker on two cores took 6.8 s
 * of clock and 6.2 s of CPU by V8's own measure, 6.1 and 5.7 s so (medians of four, by turns, with the flag in the command line); at 800,000 and more no
 * less. Beside everything else that came with it, five by turns on a busy machine: 7.65 to 7.17 s of CPU, and the clock within its noise.
 *
 * Node 20 alone has this flag (V8 11), and later ones refuse to start with it in the first line of glossier.ts.
 */
import { setFlagsFromString } from 'node:v8';

if (process.versions.v8.startsWith('11.')) setFlagsFromString('--interrupt-budget=400000');
