// SPDX-License-Identifier: MIT
//
// What a real browser makes of exported files.
//
//   node browser.js WORK FILE...    speedscope imports each FILE, and what it then has is saved as
//                                   WORK/back-FILE; WORK/graph.svg is clicked and searched.
// What was seen goes to WORK/browser.json.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { chromium } = require('playwright-core');

const work = process.argv[2];
const files = process.argv.slice(3);
const seen = { speedscope: {}, svg: {} };

async function importAll(browser) {
  const release = path.join(path.dirname(require.resolve('speedscope/package.json')), 'dist/release/index.html');
  for (const file of files) {
    const page = await browser.newPage({ acceptDownloads: true });
    const result = { messages: [], errors: [] };
    // Drivers and timings have things to say, too.
    page.on('console', (message) => {
      if (/Tried to|still open|leave|Warning|rror/.test(message.text()))
        result.messages.push(message.text().slice(0, 300));
    });
    page.on('pageerror', (error) => result.errors.push(error.message));
    await page.goto(`file://${release}`);
    await page.locator('input[type=file]').first().setInputFiles(path.join(work, file));
    await page.getByText('Sandwich').waitFor({ timeout: 60000 }).catch(() => result.errors.push('no profile is shown'));
    if (result.errors.length === 0) {
      const [download] = await Promise.all([
        page.waitForEvent('download', { timeout: 60000 }), page.keyboard.press('Control+s')]);
      await download.saveAs(path.join(work, `back-${file}`));
    }
    seen.speedscope[file] = result;
    await page.close();
  }
}

const widthOf = (frame) => frame.locator('rect').evaluate((rect) => rect.getBoundingClientRect().width);
const isShown = (frame) => frame.evaluate((element) => element.getAttribute('display') !== 'none');

async function useGraph(browser) {
  const result = seen.svg;
  const context = await browser.newContext({ colorScheme: 'light', viewport: { width: 1000, height: 500 } });
  const page = await context.newPage();
  result.errors = [];
  page.on('pageerror', (error) => result.errors.push(error.message));
  page.on('requestfailed', (request) => result.errors.push(request.url()));
  const requests = [];
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(`file://${work}/graph.svg`);
  result.requests = requests.length;
  const frames = page.locator('.frame');
  const named = (name) => page.locator(`.frame[aria-label^=${JSON.stringify(name)}]`).first();
  const all = frames.first();
  const main = named('main'), chosen = named('app::fibonacci');
  const before = await widthOf(main);
  result.fills = [await widthOf(all), before];
  result.threads = await frames.evaluateAll((all) => all.map((frame) => frame.getAttribute('aria-label')));
  await chosen.hover();
  result.tip = await page.locator('#tip text').allTextContents();
  result.tipShown = await isShown(page.locator('#tip'));
  await chosen.click();
  result.zoomed = [await widthOf(chosen), await widthOf(all)];
  result.parent = await main.getAttribute('class');
  result.resetShown = await isShown(page.locator('#reset'));
  result.siblingShown = await isShown(named('worker'));
  await page.locator('#reset').click();
  result.unzoomed = await widthOf(main) === before;
  await page.keyboard.press('/');
  await page.keyboard.type('fibonacci(');
  result.searched = await page.locator('#status').textContent();
  result.matches = await page.locator('.frame.match').count();
  result.others = await page.locator('.frame:not(.match)').count();
  await page.screenshot({ path: path.join(work, 'graph-search.png') });
  await page.keyboard.press('Escape');
  result.cleared = await page.locator('.frame.match').count();
  await page.locator('input').fill('/^app::(leaf|work)/');
  result.expression = await page.locator('.frame.match').count();
  await page.locator('input').fill('/(/');
  result.badExpression = await page.locator('#status').textContent();
  await page.setViewportSize({ width: 600, height: 500 });
  for (let wait = 0; wait < 100 && await widthOf(all) === result.fills[0]; wait++)
    await page.waitForTimeout(50);
  result.narrow = await widthOf(all);
  const background = (page) => page.evaluate(() => getComputedStyle(document.querySelector('.page')).fill);
  result.light = await background(page);
  await page.emulateMedia({ colorScheme: 'dark' });
  result.dark = await background(page);
  await page.screenshot({ path: path.join(work, 'graph-dark.png') });

  const still = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
  await still.goto(`file://${work}/graph.svg`);
  result.withoutScript = await still.locator('.frame text').first().textContent();
  await still.screenshot({ path: path.join(work, 'graph-still.png') });
}

(async () => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  try {
    await Promise.all([importAll(browser), useGraph(browser)]);
  } finally {
    await browser.close();
  }
  fs.writeFileSync(path.join(work, 'browser.json'), JSON.stringify(seen, null, 1));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
