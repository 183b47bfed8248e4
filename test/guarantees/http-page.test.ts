/** The page for people, in a browser: whatever the orders hold, on any screen, by keyboard, read aloud. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../support/chromium.js';
import { fillPage, HOSTILE } from '../support/fill-page.js';
import { faceOf } from '../support/http.js';
import { Shop, until } from './shop.js';

const TIMEOUT = { timeout: 300_000 };
const NONE = 'there is no chromium on this machine (apt-get install chromium, or set CHROMIUM to its path)';
const SLOW = { timeout: 45_000 };

/** A page that fails the test when a script, a policy or a foreign address is heard of. */
async function visit(browser: Browser, url: string, faults: string[]): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' });
  page.on('pageerror', error => faults.push(`error: ${error.message}`));
  page.on('console', line => (/Content Security|Refused|Trusted/i.test(line.text()) ? faults.push(line.text()) : undefined));
  page.on('request', asked => (asked.url().startsWith(url) ? undefined : faults.push(`asks ${asked.url()}`)));
  page.on('dialog', dialog => faults.push(`dialog: ${dialog.message()}`));
  await page.goto(url);
  return page;
}

/** On a phone and at a desk nothing is wider than the screen, and axe has nothing to say; each in one theme, as each is slow and they differ in colours alone. */
async function inspect(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  for (const [width, colorScheme] of [
    [390, 'light'],
    [1440, 'dark'],
  ] as const) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    const wide = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
    assert.equal(wide, false, `${width} px, ${colorScheme}: something is wider than the screen`);
    const found = (await page.evaluate(
      'axe.run(document, { resultTypes: ["violations"] }).then(r => r.violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 200)).join(" ")))',
    )) as string[];
    assert.deepEqual(found, [], `${width} px, ${colorScheme}`);
  }
}

test('the page shows 0 and 400 drops on any screen, live, by keyboard, and never takes text of an order for markup', TIMEOUT, async t => {
  const browser = await openBrowser();
  if (browser === null) return t.skip(NONE);
  t.after(() => browser.close());
  const schema = `s'"<img src=x onerror=window.pwned=1>`;
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '2', DATABASE_SCHEMA: schema, MERGE_EVERY: '1h' });
  const worker = shop.start(['consume', '--http', '0', '--accept-rejects'], {
    KAFKA_GROUP: `${shop.topic}<script>window.pwned=1</script>`,
  });
  const face = await faceOf(worker);
  await until('it is ready', 60, async () => (await face.get('ready')).status === 200);
  const faults: string[] = [];
  const page = await visit(browser, face.url, faults);
  await page.getByText('No drop has been published yet.').waitFor(SLOW);
  await page.getByText('The tables hold everything published until').waitFor(SLOW);
  await page.getByText('Nothing is rejected.').waitFor(SLOW);
  assert.ok((await page.locator('footer').innerText()).includes(schema));
  await inspect(page);

  // one by the topic, as another program writes it; the others by hand
  await shop.send([{ value: `{"id":"<img src=x onerror=window.pwned=1>","processed_at":"2017-12-04T10:00:00Z","total_price":"1"}` }]);
  await fillPage(shop.url, shop.topic, { drops: 400, files: 1, rejects: 2 });
  await page.locator('#drops tr').nth(24).waitFor(SLOW);
  await page.locator('#rejects code', { hasText: 'bad_id' }).waitFor(SLOW);
  const text = await page.locator('#drops').innerText();
  for (const hostile of HOSTILE.filter(h => h.length < 100 && !/[\p{Cc}\p{Cf}]/u.test(h))) assert.ok(text.includes(hostile), hostile);
  assert.ok(text.includes('‹202E›gnp.exe‹202C›'), 'marks of direction are shown, not followed');
  assert.ok((await page.locator('#drops').evaluate(e => e.textContent)).length < 60_000, 'a long name is cut');
  await page.getByRole('img', { name: /Orders loaded by minute: [\d,]+ in the last hour/ }).waitFor(SLOW);
  await inspect(page);

  const more = page.getByRole('button', { name: /Older drops \(388 more\)/ });
  await more.focus();
  await page.keyboard.press('Enter');
  await page.locator('#drops tr').nth(124).waitFor(SLOW);
  await page.getByRole('button', { name: 'Not whole (37)' }).focus();
  await page.keyboard.press('Space');
  await page
    .locator('#drops')
    .getByText('✓ whole')
    .first()
    .waitFor({ ...SLOW, state: 'detached' });
  assert.equal(await page.locator('#drops tr').count(), 25);

  for (const which of ['bad_id', '‹202E›gnp.exe', 'onerror="window', 'escape‹001B›']) {
    const look = page.locator('#rejects tr').filter({ hasText: which }).first().getByRole('button');
    await look.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: /^Reject \d+/ });
    await dialog.waitFor(SLOW);
    assert.ok((await dialog.locator('pre').innerText()).length > 20);
    if (which === 'bad_id') await inspect(page);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ ...SLOW, state: 'hidden' });
    assert.equal(await look.evaluate(e => e === e.ownerDocument.activeElement), true, 'the focus is back');
  }
  assert.equal(await page.evaluate('window.pwned'), undefined);
  assert.equal(await page.locator('main img, main script, main h1').count(), 0);
  assert.deepEqual(faults, []);

  await worker.stop();
  await page.getByRole('alert').filter({ hasText: 'The worker does not answer since' }).waitFor(SLOW);
  assert.ok((await page.locator('#drops tr').count()) > 0, 'what was known stays');
});

test('with a token set the page asks for it, and shows nothing before', TIMEOUT, async t => {
  const browser = await openBrowser();
  if (browser === null) return t.skip(NONE);
  t.after(() => browser.close());
  const shop = await Shop.open(t, { ORDERS_PARTITIONS: '1' });
  const face = await faceOf(shop.start(['consume', '--http', '0'], { HTTP_TOKEN: 'the-right-token' }));
  const faults: string[] = [];
  const page = await visit(browser, face.url, faults);
  const field = page.getByLabel('Token');
  await field.waitFor(SLOW);
  assert.equal(await page.locator('#figures').isVisible(), false);
  await inspect(page);
  await field.fill('a-wrong-token');
  await field.press('Enter');
  await page.getByText('That is not the token.').waitFor(SLOW);
  assert.equal(await page.locator('#figures').isVisible(), false);
  await field.fill('the-right-token');
  await field.press('Enter');
  await page.getByRole('heading', { name: 'Drops' }).waitFor(SLOW);
  assert.equal(await field.isVisible(), false);
  await page.reload();
  await page.getByRole('heading', { name: 'Drops' }).waitFor(SLOW);
  assert.deepEqual(
    faults.filter(f => !f.includes('401')),
    [],
  );
});
