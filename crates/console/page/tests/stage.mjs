// What every browser test needs: one browser, a mock server for each test, and a page that must
// not complain. Importing it sets the stage for the tests of a file.

import assert from 'node:assert/strict';
import { after, before, beforeEach } from 'node:test';
import { openChrome } from './chrome.mjs';
import { shift, shiftClock } from './clock.mjs';
import { Mock } from './mock/server.mjs';

shiftClock(shift);
const DEADLINE_MS = 15_000;
// How a browser tells that the server is away or refuses, which some tests bring about.
const EXPECTED_NOISE = /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|404|409|503|ERR_CONNECTION_RESET/;

let chrome;
let complaints;
export let mock;
export let page;

export const seen = (selector, options = {}) =>
  page.waitForSelector(selector, { timeout: DEADLINE_MS, ...options });
export const by = (name) => `[data-test="${name}"]`;
export const text = async (selector) => (await page.textContent(selector)).replace(/\s+/g, ' ').trim();

/** Opens a page of the console over the mock server, and waits until it is live. */
export async function open(name = '') {
  await page.goto(`${mock.url}${name && `#${name}`}`);
  await seen(`${by('link')}:has-text("●")`);
  await page.waitForFunction(() => !document.body.innerText.includes('正在加载'));
}

before(async () => {
  chrome = await openChrome({ width: 1366, height: 768 });
  page = chrome.page;
  await page.addInitScript(shiftClock, shift);
  page.setDefaultTimeout(DEADLINE_MS);
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !EXPECTED_NOISE.test(message.text())) {
      complaints.push(message.text());
    }
  });
});

after(() => chrome?.close());

beforeEach(async (t) => {
  complaints = [];
  mock = new Mock();
  await mock.start();
  t.after(async () => {
    await page.goto('about:blank');
    await mock.stop();
    assert.deepEqual(complaints, [], 'the browser has nothing to complain about');
  });
  await page.goto(mock.url);
  await page.evaluate(() => localStorage.clear());
  // Away again: what a test puts into the world must be there when the page is loaded.
  await page.goto('about:blank');
});
