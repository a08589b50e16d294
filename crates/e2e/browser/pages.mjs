// A person at the console of a real server: books planned work, silences notices and ends that,
// sees the coverage, then closes the case of an alarm that has returned and reads its story.
//
//     node pages.mjs URL ALARM-TITLE PLANT

import assert from 'node:assert/strict';
import { openChrome } from '../../console/page/tests/chrome.mjs';

const DEADLINE_MS = 30_000;
const [url, title, plant] = process.argv.slice(2);
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

  await page.goto(`${url}#windows`);
  await windows(page);
  await page.click(by('page-coverage'));
  await page.waitForSelector(by('none-required'));
  await page.click(by('page-watch'));
  const story = await closeCase(page);
  assert.deepEqual(complaints, [], 'the browser has nothing to complain about');
  console.log(story.join('\n'));
} finally {
  await chrome.close();
}

async function windows(page) {
  const make = async (kind, name, comment) => {
    await page.click(by(`new-${kind}`));
    await page.fill('[name=name]', name);
    await page.selectOption('[name=plant]', plant);
    await page.fill('[name=by]', '赵刚');
    await page.fill('[name=comment]', comment);
    await page.click(`${by('window-form')} button[type=submit]`);
    await page.waitForSelector(`${by(kind)}[data-phase=active]:has-text("${comment}")`);
  };
  await make('booking', '校验', '半年一次');
  await make('silence', '检修', '现场有人值守');
  await page.click(by('end-silence'));
  await page.fill(`${by('end-form')} [name=by]`, '李敏');
  await page.keyboard.press('Enter');
  await page.waitForSelector(`${by('silence')}[data-phase=over]:has-text("李敏")`);
}

async function closeCase(page) {
  const alarm = `${by('alarm')}:has-text("${title}")`;
  const send = async (fields) => {
    for (const [name, value] of Object.entries(fields)) await page.fill(`[name=${name}]`, value);
    await page.click(`${by('act-form')} button[type=submit]`);
    await page.waitForSelector(by('act-form'), { state: 'detached' });
  };
  await page.click(`${alarm} ${by('ack')}`);
  await page.fill('[name=by]', '王建国');
  await page.keyboard.press('Enter');
  await page.click(by('tab-closing'));
  await page.click(`${alarm} [data-main]`);
  await page.click(by('do-state'));
  await page.selectOption('[name=cause]', 'true');
  await send({ comment: '已恢复供电' });
  await page.click(by('do-verify'));
  await send({ by: '周科长' });
  await page.click(by('do-close'));
  await send({ comment: '归档' });
  await page.click(by('tab-ended'));
  await page.click(`${alarm} [data-main]`);
  await page.waitForSelector(by('story'));
  const lines = await page.$$eval(`${by('story')} li`, (all) =>
    all.map((it) => it.innerText.replace(/\s+/g, ' ')));
  const told = lines.join('|');
  assert.match(told, /发生.*恢复.*确认 王建国.*原因与措施 王建国 真实告警 · 已恢复供电.*核查，认可 周科长.*销警 周科长 归档/);
  return lines;
}
