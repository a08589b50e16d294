// A person at the console of a real server: sees the alarm, acknowledges it with a comment.
//
//     node ack.mjs URL POINT-TITLE NAME COMMENT

import assert from 'node:assert/strict';
import { openChrome } from '../../console/page/tests/chrome.mjs';

const DEADLINE_MS = 30_000;
const [url, title, name, comment] = process.argv.slice(2);
const by = (part) => `[data-test="${part}"]`;

const chrome = await openChrome({ width: 1366, height: 768 });
try {
  const { page } = chrome;
  page.setDefaultTimeout(DEADLINE_MS);
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });

  await page.goto(url);
  const alarm = page.locator(`${by('alarm')}:has-text("${title}")`).first();
  await alarm.waitFor();
  const seen = (await alarm.innerText()).replace(/\s+/g, ' ');
  assert.ok(seen.includes('未确认'), `not acknowledged yet: ${seen}`);

  await alarm.locator(by('ack')).click();
  await page.fill('[name=by]', name);
  await page.fill('[name=comment]', comment);
  await page.keyboard.press('Enter');
  const done = `${by('alarm')}[data-state=acknowledged]:has-text("${title}")`;
  await page.waitForSelector(done);
  assert.deepEqual(complaints, [], 'the browser has nothing to complain about');
  console.log(`seen: ${seen}`);
} finally {
  await chrome.close();
}
