// Sample custody: a day of a gateway in a real browser, over the mock.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { dayStart } from './mock/custody.mjs';
import { by, mock, open, page, seen, text } from './stage.mjs';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const TANKS = 'dongwu-tankfarm/gw-01';
/** Yesterday is a whole day, whenever the test runs. */
const yesterday = () => dayStart(Date.now()) - DAY;

const row = (key) => `${by('custody-row')}[data-key="${key}"]`;
const keys = () => page.$$eval(by('custody-row'), (rows) => rows.map((it) => it.dataset.key));
const bar = (date) => new Date(date + 8 * HOUR).toISOString().slice(0, 10);

/** Opens yesterday of the tank farm. */
async function openYesterday() {
  await open('custody');
  await page.selectOption(by('custody-gateway'), TANKS);
  await page.click(by('day-before'));
  await page.waitForFunction((day) => document.querySelector('[data-test=day]').value === day, bar(yesterday()));
  await seen(by('custody-row'));
}

/** Moves the pointer over an hour of a point. */
async function pointAt(key, hour) {
  const box = await page.locator(`${row(key)} ${by('strip')}`).boundingBox();
  return { x: box.x + (box.width * (hour + 0.5)) / 24, y: box.y + box.height / 2 };
}

/** Gives the tank farm many points more. */
function addPoints(count) {
  for (let n = 0; n < count; n += 1) {
    const key = `R${String(n).padStart(4, '0')}`;
    mock.custody.more.push({
      enterprise: 'dongwu-tankfarm', gateway: 'gw-01', key, title: { zh: `${n} 号测点`, en: `Point ${n}` },
      interval_ms: 1_000,
    });
  }
}

describe('sample custody', () => {
  test('has the least complete point first, with its counts and the day\'s causes', async () => {
    mock.custody.put('T101.level', yesterday() + 5 * HOUR, { timeout: 900 });
    mock.custody.put('GD01.lel', yesterday() + 3 * HOUR, { restart: 1_800, no_account: 30 });
    mock.custody.gap(yesterday() + 3 * HOUR, yesterday() + 3 * HOUR + 1_800_000, 'restart');
    mock.custody.gap(yesterday() - HOUR, yesterday() + 5_000, 'budget', 9_120);
    await openYesterday();
    assert.deepEqual((await keys()).slice(0, 2), ['GD01.lel', 'T101.level']);
    assert.match(await text(row('T101.level')), /101 储罐液位 T101\.level 86,40085,50085,50051,30035,100 98\.95%$/);
    assert.match(await text(row('P201.flow')), /100%$/);
    const sums = await text(by('custody-sums'));
    assert.match(sums, /^99\.54% 完整率/);
    assert.match(await text(by('top-causes')),
      /采集器未运行 restart 1,800 次.*设备超时未应答 timeout 900 次.*无账目 no_account 30 次/);
    const gaps = await page.$$eval(by('gap'), (all) => all.map((it) => it.innerText.replace(/\s+/g, ' ')));
    assert.match(gaps[0], /^03:00:00 – 03:30:00 采集器未运行 restart 30分00秒$/);
    assert.match(gaps[1], /23:00:00 – .*00:00:05 网关缓存已满而丢弃 budget 1时00分 · 9,120 帧/);
    await page.fill(by('custody-search'), '储罐液位');
    await page.waitForFunction(() => document.querySelectorAll('[data-test=custody-row]').length === 2);
    await page.fill(by('custody-search'), '没有的');
    await seen(by('no-match'));
  });

  test('an hour says why, under the pointer and in the open row', async () => {
    mock.custody.put('T101.level', yesterday() + 5 * HOUR, { timeout: 900, under_way: 12 });
    await openYesterday();
    const place = await pointAt('T101.level', 5);
    await page.mouse.move(place.x, place.y);
    await seen(by('hour-tip'));
    assert.match(await text(by('hour-tip')),
      /05:00–06:00 101 储罐液位 74\.66%\s*有效 2,688 \/ 应采 3,600\s*设备超时未应答 timeout 900 次\s*在途未到 under_way 12 次/);
    await page.mouse.move(place.x - 60, place.y);
    await page.mouse.click(place.x, place.y);
    await seen(by('custody-detail'));
    await seen(by('hour-tip'), { state: 'detached' });
    assert.match(await text(`${by('hour-row')}.chosen`), /05:00–06:003,6002,7002,6881,6121,97674\.66%.*timeout 900 次.*under_way 12 次/);
    assert.equal((await page.$$(by('hour-row'))).length, 24);
    const whole = await page.$eval(`${by('hour-row')}.chosen`, (it) => {
      const [inner, outer] = [it.getBoundingClientRect(), it.closest('.body').getBoundingClientRect()];
      return inner.top >= outer.top && inner.bottom <= outer.bottom;
    });
    assert.ok(whole, 'the hour that was clicked is in view');
    await page.mouse.click(place.x, place.y);
    await seen(by('custody-detail'), { state: 'detached' });
  });

  test('good, open and missing reads, nothing due and hours to come all look different', async () => {
    const start = dayStart(Date.now());
    const [key, silent] = ['T101.level', 'T102.level'];
    mock.custody.put(key, yesterday(), { timeout: 3_600 });
    mock.custody.put(key, yesterday() + HOUR, { under_way: 3_600 });
    await openYesterday();
    const parts = (of) => page.$$eval(`${row(of)} path`, (all) =>
      Object.fromEntries(all.map((it) => [it.classList[0], (it.getAttribute('d').match(/M/g) ?? []).length])));
    assert.deepEqual(await parts(key), { ground: 24, good: 22, open: 1, lost: 1, none: 0 });
    const fills = await page.$$eval(`${row(key)} path`, (all) =>
      ['good', 'open', 'lost'].map((name) => getComputedStyle(all.find((it) => it.classList.contains(name))).fill));
    assert.equal(new Set(fills).size, 3);
    assert.match(fills[1], /url/, 'what is open is hatched: no colour alone');
    // Yesterday's last hour was not due: the point is new.
    mock.custody.since.set(silent, start + HOUR);
    await page.click(by('today'));
    await page.waitForFunction((day) => document.querySelector('[data-test=day]').value === day, bar(start));
    await seen(row(silent));
    const begun = Math.floor((Date.now() - start) / HOUR) + 1;
    const { good, none } = await parts(silent);
    assert.deepEqual([good, none], [begun - 1, 1], 'hours to come are blank');
  });

  test('is read by the keyboard alone', async () => {
    mock.custody.put('T101.level', yesterday() + 5 * HOUR, { timeout: 900 });
    await openYesterday();
    await page.focus(by('custody-search'));
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    // Past the words' meanings, to the first row: its worst hour is told.
    while (!(await page.evaluate(() => document.activeElement.matches('[data-test=custody-row]')))) {
      await page.keyboard.press('Tab');
    }
    assert.match(await text(by('hour-tip')), /05:00–06:00.*timeout 900 次/);
    assert.match(await page.getAttribute(row('T101.level'), 'aria-label'),
      /101 储罐液位，完整率 98\.95%。05:00–06:00：有效 2,700 \/ 应采 3,600, 设备超时未应答 900/);
    await page.keyboard.press('ArrowRight');
    assert.match(await text(by('hour-tip')), /06:00–07:00.*有效 3,600 \/ 应采 3,600/);
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Enter');
    await seen(by('custody-detail'));
    assert.match(await text(`${by('hour-row')}.chosen`), /05:00–06:00/);
    await page.keyboard.press('ArrowRight');
    assert.match(await text(`${by('hour-row')}.chosen`), /06:00–07:00/);
    await page.keyboard.press('Enter');
    await seen(by('custody-detail'), { state: 'detached' });
    await page.keyboard.press('ArrowDown');
    assert.equal(await page.evaluate(() => document.activeElement.dataset.key), (await keys())[1]);
  });

  test('of very many gaps the newest are listed, and the rest is counted', async () => {
    for (let n = 0; n < 2_000; n += 1) {
      const from = yesterday() + n * 40_000;
      mock.custody.gap(from, from + 1_500, 'budget', 1);
    }
    await openYesterday();
    assert.equal((await page.$$(by('gap'))).length, 200);
    assert.match(await text(by('gaps')), /^网关自报的缺口 2000 22:12:40 – 22:12:41 网关缓存已满而丢弃 budget 1\.5 s · 1 帧.*还有更早的 1800 条$/);
  });

  test('days are China\'s, and none is to come', async () => {
    await open('custody');
    assert.equal(await page.inputValue(by('day')), bar(Date.now()));
    assert.equal(await page.isDisabled(by('day-after')), true);
    await page.fill(by('day'), bar(Date.now() - 3 * DAY));
    await page.waitForFunction(() => !document.querySelector('[data-test=day-after]').disabled);
    const { from, to } = mock.custody.asked.at(-1);
    assert.deepEqual([from, to - from], [dayStart(Date.now()) - 3 * DAY, DAY]);
    await page.click(by('day-after'));
    assert.equal(await page.inputValue(by('day')), bar(Date.now() - 2 * DAY));
    await page.click(by('today'));
    assert.equal(await page.inputValue(by('day')), bar(Date.now()));
  });

  test('a gateway that never told says so, and the chosen one is remembered', async () => {
    await open('custody');
    await page.selectOption(by('custody-gateway'), 'hehua-dust/gw-02');
    await seen(by('custody-never'));
    assert.match(await text(by('custody-never')), /这一天没有账目 采集器版本较旧/);
    await page.reload();
    await seen(by('custody-never'));
    await page.selectOption(by('plant'), 'beishan-mine');
    await seen(by('custody-row'));
    assert.equal(await page.inputValue(by('custody-gateway')), 'beishan-mine/gw-07');
    mock.gateways = [];
    await page.reload();
    await seen(by('no-gateways'));
  });

  test('a busy server is told as such, and asked again by a button', async () => {
    mock.custody.refusal = { code: 'busy', message: { zh: '同时的查询过多', en: 'too many reads' } };
    await page.goto(`${mock.url}#custody`);
    await seen(by('custody-failed'));
    assert.match(await text(by('custody-failed')), /未能读取：同时的查询过多/);
    mock.custody.refusal = null;
    await page.click(`${by('custody-failed')} button`);
    await seen(by('custody-row'));
    await seen(by('custody-failed'), { state: 'detached' });
  });

  test('a thousand points come in pages; few rows exist and no frame is long', async () => {
    addPoints(1_000);
    for (let n = 0; n < 1_000; n += 3) {
      const key = `R${String(n).padStart(4, '0')}`;
      mock.custody.put(key, yesterday() + (n % 24) * HOUR, { timeout: n });
    }
    await openYesterday();
    const pages = mock.custody.asked.filter(({ from, gateway }) => from === yesterday() && gateway === TANKS);
    assert.deepEqual(pages.map(({ after }) => after === ''), [true, false, false]);
    assert.match(await text('.heads'), /1007/);
    assert.deepEqual((await keys()).slice(0, 2), ['R0999', 'R0996']);
    assert.ok((await page.$$(by('custody-row'))).length < 40, 'only visible rows exist');
    const frames = await page.evaluate(async () => {
      const view = document.querySelector('[data-test=custody] .view');
      const frames = [];
      let last = performance.now();
      for (let frame = 0; frame < 90; frame += 1) {
        view.scrollTop += 300;
        await new Promise((done) => requestAnimationFrame(done));
        frames.push(performance.now() - last);
        last = performance.now();
      }
      return frames.sort((a, b) => a - b);
    });
    const [middle, worst] = [frames[45], frames.at(-1)];
    console.log(`1,007 points: frames of ${middle.toFixed(0)} ms, the longest ${worst.toFixed(0)} ms`);
    assert.ok(middle < 100, `frames of ${middle} ms`);
    const [first] = await keys();
    assert.notEqual(first, 'R0999', 'it was scrolled');
    await page.fill(by('custody-search'), 'R0500');
    await page.waitForFunction(() => document.querySelectorAll('[data-test=custody-row]').length === 1);
  });
});

describe('offering again', () => {
  test('asks for the hour that was refused, with a name and a reason', async () => {
    mock.custody.put('P201.flow', yesterday() + HOUR, { refused: 600 });
    await openYesterday();
    const place = await pointAt('P201.flow', 1);
    await page.mouse.click(place.x, place.y);
    await page.click(by('offer-hour'));
    await seen(by('offer-form'));
    assert.match(await text(by('offer-form')), /请 dongwu-tankfarm\/gw-01 把这段时间（北京时间）/);
    assert.equal(await page.inputValue('[name=from]'), `${bar(yesterday())}T01:00`);
    // Key by key: the cursor stays where one types.
    await page.keyboard.type('Li Min', { delay: 20 });
    assert.equal(await page.inputValue('[name=by]'), 'Li Min');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.body.innerText.includes('请写明原因'));
    assert.equal(mock.acts.length, 0);
    await page.fill('[name=comment]', '<b>升级后重收</b>');
    await page.keyboard.press('Enter');
    await seen(by('offer-note'));
    assert.match(await text(by('offer-note')), /已请 dongwu-tankfarm\/gw-01 再次传送 .* 01:00:00 – 02:00:00 的数据/);
    const from = yesterday() + HOUR;
    assert.deepEqual(mock.acts, [{
      by: 'Li Min', comment: '<b>升级后重收</b>',
      deed: { deed: 'offer_again', gateway: TANKS, from, until: from + HOUR },
    }]);
    await page.click(`${by('offer-note')} button`);
    await seen(by('offer-note'), { state: 'detached' });
  });

  test('is for the whole day from the head; a refusal is told, and escape leaves', async () => {
    await openYesterday();
    mock.refuseAct = { code: 'unknown_gateway', message: { zh: '没有该网关', en: 'no such gateway' } };
    await page.click(by('offer'));
    const [from, until] = [await page.inputValue('[name=from]'), await page.inputValue('[name=until]')];
    assert.deepEqual([from, until], [`${bar(yesterday())}T00:00`, `${bar(yesterday() + DAY)}T00:00`]);
    await page.fill('[name=by]', '李敏');
    await page.fill('[name=comment]', '重收');
    await page.fill('[name=until]', from);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.body.innerText.includes('开始早于结束'));
    await page.fill('[name=until]', until);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.body.innerText.includes('未能完成：没有该网关'));
    assert.equal(await page.inputValue('[name=comment]'), '重收');
    await page.keyboard.press('Escape');
    await seen(by('offer-form'), { state: 'detached' });
  });
});

describe('on a phone', () => {
  test('all of it is reached, and nothing is wider than the screen', async (t) => {
    t.after(() => page.setViewportSize({ width: 1366, height: 768 }));
    await page.setViewportSize({ width: 390, height: 844 });
    mock.custody.put('T101.level', yesterday() + 5 * HOUR, { timeout: 900, device_busy: 30 });
    await openYesterday();
    for (const lang of ['zh', 'en']) {
      await page.click(by(`lang-${lang}`));
      const place = await pointAt('T101.level', 5);
      await page.locator(row('T101.level')).scrollIntoViewIfNeeded();
      const { x, y } = { ...place, ...(await pointAt('T101.level', 5)) };
      await page.mouse.click(x, y);
      await seen(by('custody-detail'));
      const wide = await page.$$eval('.page, .bar, .panel, .body, [data-test=custody] *', (all) => all
        .filter((it) => it.getBoundingClientRect().right > innerWidth + 1 && it.clientWidth > 1)
        .map((it) => it.outerHTML.slice(0, 90)));
      assert.deepEqual(wide, [], lang);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
      const cause = page.locator(`${by('hour-row')}.chosen ${by('cause')}`).first();
      await cause.scrollIntoViewIfNeeded();
      assert.equal(await cause.isVisible(), true);
      await page.mouse.click(x, (await pointAt('T101.level', 5)).y);
      await seen(by('custody-detail'), { state: 'detached' });
    }
  });
});

// Last: the clock of the browser is not the machine's any more.
describe('a minute later', () => {
  test('today is renewed; the open row stays open where it is', async () => {
    addPoints(300);
    const now = Math.floor(Date.now() / HOUR) * HOUR;
    for (let n = 0; n < 300; n += 1) mock.custody.put(`R${String(n).padStart(4, '0')}`, now, { timeout: 1 + n });
    await page.context().clock.install();
    await open('custody');
    await page.selectOption(by('custody-gateway'), TANKS);
    await seen(row('R0299'));
    await page.$eval(`${by('custody')} .view`, (view) => (view.scrollTop = 2_000));
    await seen(row('R0299'), { state: 'detached' });
    const [, , , , , , , key] = await keys();
    await page.click(row(key));
    await seen(by('custody-detail'));
    const places = () => page.$eval(row(key), (it) => [
      // Within the list: a leap of the clock also looks like a lost connection, with its banner.
      it.getBoundingClientRect().top - it.closest('.view').getBoundingClientRect().top,
      it.closest('.view').scrollTop, it.getAttribute('aria-expanded'),
    ]);
    const [top, scrolled] = await places();
    // Others become worse, and come above it.
    for (let n = 0; n < 40; n += 1) mock.custody.put(`R${String(n).padStart(4, '0')}`, now, { not_connected: 3_600 });
    mock.custody.asked = [];
    await page.context().clock.fastForward(61_000);
    await page.waitForFunction(() => /not_connected/.test(document.querySelector('[data-test=top-causes]').innerText));
    assert.deepEqual(mock.custody.asked.map(({ from }) => from), [Math.max(dayStart(now), now - HOUR)]);
    const [topAfter, scrolledAfter, expanded] = await places();
    assert.deepEqual([topAfter, expanded], [top, 'true']);
    assert.ok(scrolledAfter > scrolled, 'what came above moved the list, not the row');
  });
});
