/** A browser without a window, where there is one: Debian's chromium, or the one that CHROMIUM names. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** @returns null where this machine has none. In CI there must be one (.ci/run installs it), so that its tests are never left out there. */
export async function openBrowser(): Promise<Browser | null> {
  const executablePath = process.env.CHROMIUM ?? findChromium();
  if (executablePath === undefined) {
    if (process.env.CI) throw new Error('CI has no chromium: .ci/run should have installed it');
    return null;
  }
  // Debian's runs as any user but root in a sandbox, and as root in none
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
}

function findChromium(): string | undefined {
  const places = (process.env.PATH ?? '').split(delimiter).flatMap(folder => NAMES.map(name => join(folder, name)));
  return places.find(place => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
