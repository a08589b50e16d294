// node tests/shot.mjs URL OUT.png [zh|en] [WIDTHxHEIGHT] [WORDS]: a picture of a running console,
// with the first alarm chosen that has these words in it. URL may end in #windows, #coverage or #custody.

import { openChrome } from './chrome.mjs';

const [url, out, lang = 'zh', size = '1920x1080', words] = process.argv.slice(2);
if (!url || !out) {
  console.error('usage: node tests/shot.mjs URL OUT.png [zh|en] [WIDTHxHEIGHT]');
  process.exit(2);
}
const [width, height] = size.split('x').map(Number);
// Live values and a first trend must have arrived; an empty system has none, so only wait a while.
const SETTLE_MS = 3000;
const READY_MS = 20_000;

const chrome = await openChrome({ width, height, lang });
try {
  await chrome.page.goto(url, { waitUntil: 'load' });
  await chrome.page.waitForSelector('[data-test="alarm"], [data-test="no-alarms"]', {
    state: 'attached', timeout: READY_MS,
  });
  if (words) await chrome.page.locator('[data-test="alarm"] [data-main]', { hasText: words }).first().click();
  await chrome.page.waitForTimeout(SETTLE_MS);
  await chrome.page.screenshot({ path: out });
  console.log(`wrote ${out}`);
} finally {
  await chrome.close();
}
