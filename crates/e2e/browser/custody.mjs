// A person at the console of a real server: finds out why samples of a point are missing, and asks
// the gateway for today again.
//
//     node custody.mjs URL GATEWAY POINT

import assert from 'node:assert/strict';
import { openChrome } from '../../console/page/tests/chrome.mjs';

const DEADLINE_MS = 30_000;
const [url, gateway, point] = process.argv.slice(2);
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
  const text = async (selector) => (await page.innerText(selector)).replace(/\s+/g, ' ').trim();

  await page.goto(`${url}#custody`);
  await page.selectOption(by('custody-gateway'), gateway);
  const row = `${by('custody-row')}[data-key="${point}"]`;
  await page.waitForSelector(row);
  const sums = await text(by('custody-sums'));
  assert.match(sums, /^\d\d?\.\d\d% 完整率/, 'less than whole');
  assert.match(sums, /设备未连接 not_connected [\d,]+ 次/);
  assert.match(await text(by('gaps')), /采集器未运行 restart/);

  // Its worst hour is the one that is told first.
  await page.focus(row);
  await page.keyboard.press('Enter');
  const hour = await text(`${by('hour-row')}.chosen`);
  assert.match(hour, /^\d\d:00–\d\d:00 .*设备未连接 not_connected/);
  const [due, made, good, unchanged, delivered] = hour.match(/[\d,]+(?= )/g).slice(1).map((it) => Number(it.replace(',', '')));
  assert.ok(due >= made && made >= good && good > 0 && delivered + unchanged >= good, hour);

  await page.click(by('offer'));
  await page.fill('[name=by]', '李敏');
  await page.fill('[name=comment]', '核对账目');
  await page.keyboard.press('Enter');
  await page.waitForSelector(by('offer-note'));
  const note = await text(by('offer-note'));
  assert.ok(note.includes(`已请 ${gateway} 再次传送`), note);
  assert.deepEqual(complaints, [], 'the browser has nothing to complain about');
  console.log(`${sums}\n${hour}\n${note}`);
} finally {
  await chrome.close();
}
