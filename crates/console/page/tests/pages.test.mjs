// Windows, coverage, the order of alarms and how they ended: in a real browser, over the mock.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fillCustody } from './mock/custody.mjs';
import { makeStory } from './mock/world.mjs';
import { by, mock, open, page, seen, text } from './stage.mjs';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('the order of alarms', () => {
  const shown = () =>
    page.$$eval('[data-test=alarm]', (rows) => rows.map((row) => row.dataset.occurrence));

  test('a red one in hand that holds stands above yellow ones that are gone', async () => {
    const gone = { state: 'returned_unacknowledged', returned_at: Date.now() };
    const first = mock.raise(mock.point('T101.level'), 'H', gone);
    const second = mock.raise(mock.point('GD01.lel'), 'L1', gone);
    let red = mock.raise(mock.point('W3.ch4'), 'cutoff', { raised_at: Date.now() - 60_000 });
    await open();
    await page.waitForFunction(() => document.querySelectorAll('[data-test=alarm]').length === 3);
    red = mock.change(red, 'acknowledge', { state: 'acknowledged', acked_by: '李敏', acked_at: Date.now() });
    await seen(`${by('alarm')}[data-state=acknowledged]`);
    const order = await shown();
    assert.equal(order[0], red.occurrence);
    assert.deepEqual(order.slice(1).toSorted(), [first.occurrence, second.occurrence].toSorted());
  });

  test('what waits unseen below the edge of the list is told, and one click away', async () => {
    for (let n = 0; n < 12; n += 1) {
      mock.raise(mock.point('T101.level'), 'H', { alarm: `held${n}`, state: 'acknowledged', acked_by: '李敏' });
    }
    const gone = { state: 'returned_unacknowledged', returned_at: Date.now() };
    mock.raise(mock.point('W3.ch4'), 'cutoff', gone);
    await open();
    assert.match(await text(by('below')), /下方有 1 条未确认/);
    await page.click(by('below'));
    await seen(`${by('alarm')}[data-state=returned_unacknowledged]`);
    await seen(by('below'), { state: 'detached' });
  });
});

describe('ended alarms', () => {
  test('tell cause, measure, verifier and times of the closed loop', async () => {
    const raised_at = Date.now() - 3_600_000;
    const ended = mock.raise(mock.point('T102.level'), 'HH', { state: 'normal', raised_at, acked_by: '李敏' });
    mock.stories.set(ended.occurrence, makeStory(raised_at));
    await open();
    await page.click(by('tab-ended'));
    await page.click(`${by('alarm')} [data-main]`);
    await seen(by('story'));
    const lines = await page.$$eval(`${by('story')} li`, (all) => all.map((it) => it.innerText.replace(/\s+/g, ' ')));
    assert.equal(lines.length, 8);
    assert.match(lines[2], /\d\d:\d\d:\d\d 原因与措施 李敏 误报 · 已关进料阀/);
    assert.match(lines[4], /核查，不认可 周科长 与进料记录不符/);
    assert.match(lines[5], /原因与措施 李敏 真实告警 · 进料阀内漏，已更换/);
    assert.match(lines[6], /核查，认可 周科长/);
    assert.match(lines[7], /销警 周科长 已归档/);
  });

  test('say it when their story cannot be read', async () => {
    mock.raise(mock.point('T102.level'), 'HH', { state: 'normal' });
    await open();
    await page.click(by('tab-ended'));
    await page.click(`${by('alarm')} [data-main]`);
    await page.waitForFunction(() => document.body.innerText.includes('未能读取处置经过：没有该告警'));
  });
});

describe('windows', () => {
  const tanks = { enterprise: ['dongwu-tankfarm'], key: ['T101.level'] };
  const phases = (kind) =>
    page.$$eval(by(kind), (rows) => rows.map((row) => row.dataset.phase));

  test('are listed by phase, with what, who, why and until when', async () => {
    const now = Date.now();
    mock.windows.put('booking', '校验', tanks, [now - HOUR, now + HOUR], '赵刚', '单号 7');
    mock.windows.put('booking', '演练', { enterprise: ['hehua-dust'] }, [now + 26 * HOUR, now + 28 * HOUR], '周科长', '全厂');
    const ended = { by: '李敏', comment: '提前做完', at: now - 5 * HOUR };
    mock.windows.put('booking', '试验', tanks, [now - 6 * HOUR, now - 5 * HOUR], '李敏', '标准气', ended);
    mock.windows.put('silence', '检修', { enterprise: ['beishan-mine'], severity: ['blue', 'yellow'] }, [now - HOUR, now + HOUR], '王建国', '有人值守');
    await open('windows');
    await seen(by('silence'));
    assert.deepEqual(await phases('booking'), ['active', 'coming', 'over']);
    assert.match(await text(by('booking')), /校验 企业 dongwu-tankfarm · 测点 T101.level.*赵刚 设置：单号 7.*剩 \d+分/);
    assert.match(await text(`${by('booking')}[data-phase=over]`), /李敏 于 .* 提前结束 · 提前做完/);
    assert.match(await text(by('silence')), /级别 蓝色、黄色/);
    assert.equal(await text(by('in-force')), '2', 'what is in force is told on every page');
    await page.selectOption(by('plant'), 'hehua-dust');
    assert.deepEqual(await phases('booking'), ['coming']);
  });

  test('a booking is made by the keyboard alone, and says what it covers', async () => {
    await open('windows');
    await seen(by('no-bookings'));
    await page.focus(by('new-booking'));
    await page.keyboard.press('Enter');
    await seen(by('window-form'));
    await page.keyboard.type('T101 校验');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.body.innerText.includes('请选择企业'));
    await page.selectOption('[name=plant]', 'dongwu-tankfarm');
    assert.match(await text(by('covers')), /^涵盖 5 个测点$/);
    await page.selectOption('[name=key]', 'T101.level');
    assert.match(await text(by('covers')), /^涵盖 1 个测点$/);
    await page.fill('[name=by]', '赵刚');
    await page.focus('[name=comment]');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.body.innerText.includes('请写明原因'));
    assert.equal(mock.acts.length, 0, 'nothing is sent without a reason');
    await page.keyboard.type('<i>例行</i>');
    await page.keyboard.press('Enter');
    await seen(by('window-form'), { state: 'detached' });
    await seen(`${by('booking')}[data-phase=active]`);
    const { by: who, comment, deed } = mock.acts[0];
    assert.deepEqual([who, comment, deed.deed, deed.booking], ['赵刚', '<i>例行</i>', 'book', 'T101 校验']);
    assert.deepEqual(deed.select, tanks);
    assert.equal(deed.until - deed.from, 2 * HOUR);
    assert.ok(Math.abs(deed.from - Date.now()) < 10_000);
    assert.match(await text(by('booking')), /赵刚 设置：<i>例行<\/i>/);
  });

  test('one for later starts when it was told to', async () => {
    await open('windows');
    await page.click(by('new-booking'));
    await page.fill('[name=name]', '演练');
    await page.selectOption('[name=plant]', 'hehua-dust');
    await page.selectOption('[name=at_once]', 'false');
    await page.fill('[name=by]', '周科长');
    await page.fill('[name=comment]', '全厂');
    await page.fill('[name=start]', '2001-01-01T08:00');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.body.innerText.includes('不早于现在'));
    const start = new Date(Date.now() + 24 * HOUR);
    start.setSeconds(0, 0);
    const local = new Date(start.getTime() - start.getTimezoneOffset() * MINUTE);
    await page.fill('[name=start]', local.toISOString().slice(0, 16));
    await page.click(`${by('window-form')} button[type=submit]`);
    await seen(`${by('booking')}[data-phase=coming]`);
    assert.equal(mock.acts[0].deed.from, start.getTime());
  });

  test('a silence is made, and ended by somebody with a name', async () => {
    await open('windows');
    await page.click(by('new-silence'));
    await page.fill('[name=name]', '夜间检修');
    await page.selectOption('[name=plant]', 'beishan-mine');
    await page.selectOption('[name=severity]', 'blue');
    assert.match(await text(by('covers')), /涵盖 3 个测点，以及网关、线路、设备自身的告警/);
    await page.fill('[name=by]', '王建国');
    await page.fill('[name=comment]', '值守');
    await page.keyboard.press('Enter');
    await seen(`${by('silence')}[data-phase=active]`);
    assert.deepEqual(mock.acts[0].deed.select, { enterprise: ['beishan-mine'], severity: ['blue'] });

    await page.click(by('end-silence'));
    await seen(by('end-form'));
    assert.match(await text(by('end-form')), /仍在的告警会重新通知/);
    await page.fill(`${by('end-form')} [name=by]`, '');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.body.innerText.includes('请填写姓名'));
    // Key by key: the cursor stays where one types.
    await page.keyboard.type('Li Min', { delay: 20 });
    assert.equal(await page.inputValue(`${by('end-form')} [name=by]`), 'Li Min');
    await page.keyboard.press('Enter');
    await seen(`${by('silence')}[data-phase=over]`);
    assert.match(await text(by('silence')), /Li Min 于 .* 提前结束/);
    assert.deepEqual(mock.acts[1].deed, { deed: 'unsilence', silence: '夜间检修' });
    assert.equal(await page.$(by('in-force')), null);
  });

  test('a refusal says why and keeps what was typed; escape leaves', async () => {
    mock.refuseAct = { code: 'name_taken', message: { zh: '名称已被占用', en: 'the name is taken' } };
    await open('windows');
    await page.click(by('new-booking'));
    await page.fill('[name=name]', '校验');
    await page.selectOption('[name=plant]', 'hehua-dust');
    await page.fill('[name=by]', '赵刚');
    await page.fill('[name=comment]', '例行');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.body.innerText.includes('未能完成：名称已被占用'));
    assert.equal(await page.inputValue('[name=comment]'), '例行');
    await page.keyboard.press('Escape');
    await seen(by('window-form'), { state: 'detached' });
  });
});

describe('coverage', () => {
  test('shows required, connected and live, and where it falls short', async () => {
    await open('coverage');
    await seen(by('coverage-row'));
    assert.match(await text(by('sums')), /112 应测.*103 已接入 92%.*100 有效 89%.*缺 9 · 3 个已接入但没有有效数值/);
    const rows = await page.$$eval(by('coverage-row'), (all) => all.map((it) => it.innerText.replace(/\s+/g, ' ').trim()));
    assert.match(rows[0], /北山煤矿.*40 31 30 9 75%/, 'what lacks most comes first');
    assert.match(rows[2], /荷花木业.*12 12 12 100%/);
    await page.focus(`${by('coverage-row')} button`);
    await page.keyboard.press('Enter');
    assert.equal((await page.$$(by('target'))).length, 2);
    assert.match(await text(by('target')), /采掘工作面甲烷\s*24\s*22\s*21\s*2/);
    assert.match(await text('main ~ *'), /没有规则包规定必测项：paper/);
    assert.match(await text(by('unregistered')), /xinan-paint 1 个网关，14 个测点/);
    await page.click(by('by-township'));
    await page.waitForFunction(() => document.body.innerText.includes('北山镇'));
    await page.click(by('by-enterprise'));
    await page.selectOption(by('plant'), 'hehua-dust');
    await page.waitForFunction(() => document.querySelectorAll('[data-test=coverage-row]').length === 1);
  });

  test('a fall is seen without a reload', async () => {
    await open('coverage');
    await seen(by('sums'));
    mock.coverage.enterprise.total = { required: 112, connected: 103, live: 40 };
    await page.waitForFunction(() => /40\s*有效 36%/.test(document.querySelector('[data-test=sums]').innerText));
  });
});

describe('beside the watch', () => {
  test('what waits stays in sight on every page, and is one key away', async () => {
    await open('coverage');
    mock.raise(mock.point('T101.level'), 'H');
    mock.raise(mock.point('W3.ch4'), 'cutoff', { title: { zh: '甲烷断电', en: 'Methane cut-off' } });
    await page.waitForFunction(() => /2 条未确认，最急：甲烷断电/.test(document.querySelector('[data-test=urgent]')?.innerText ?? ''));
    await page.focus(by('urgent'));
    await page.keyboard.press('Enter');
    await seen(by('urgent'), { state: 'detached' });
    assert.equal(await page.$eval('main', (main) => main.inert), false);
  });

  test('another page keeps what was typed on the watch, and back leads there', async () => {
    mock.raise(mock.point('W3.ch4'), 'cutoff');
    await open();
    await page.click(by('ack'));
    await page.fill('[name=comment]', '正在查看');
    await page.click(by('page-windows'));
    await seen(by('windows'));
    assert.equal(await page.$eval('main', (main) => main.inert), true);
    assert.equal(await page.getAttribute(by('page-windows'), 'aria-current'), 'page');
    await page.goBack();
    await seen(by('windows'), { state: 'detached' });
    assert.equal(await page.inputValue('[name=comment]'), '正在查看');
  });

  test('nothing is wider than its place, in either language, on either screen', async (t) => {
    t.after(() => page.setViewportSize({ width: 1366, height: 768 }));
    const now = Date.now();
    for (let n = 0; n < 9; n += 1) mock.raise(mock.point('GD01.lel'), 'L1', { alarm: `many${n}` });
    mock.windows.put('booking', '一个很长的名称'.repeat(6), { enterprise: ['dongwu-tankfarm'] },
      [now + 30 * HOUR, now + 40 * HOUR], '赵刚', '一个很长的原因'.repeat(20));
    Object.assign(mock.gateways[1], { state: 'silent', connected: false });
    fillCustody(mock);
    for (const [width, height] of [[1366, 768], [1920, 1080]]) {
      await page.setViewportSize({ width, height });
      for (const name of ['watch', 'windows', 'coverage', 'custody']) {
        await open(name);
        for (const lang of ['zh', 'en']) {
          await page.click(by(`lang-${lang}`));
          if (name === 'windows') await page.click(by('new-silence'));
          if (name === 'custody') await page.click(by('offer'));
          const wide = await page.$$eval('.bar, .panel, .panel > header, .page, form', (all) =>
            all.filter((it) => it.scrollWidth > it.clientWidth + 1).map((it) => it.innerText.slice(0, 60)));
          assert.deepEqual(wide, [], `${name} ${lang} ${width}`);
          const out = await page.$$eval('.bar > *, .panel > header > *', (all) => all
            .filter((it) => it.getBoundingClientRect().right > innerWidth || it.offsetHeight > 46)
            .map((it) => it.innerText));
          assert.deepEqual(out, [], `${name} ${lang} ${width}`);
          if (name === 'windows' || name === 'custody') await page.keyboard.press('Escape');
        }
      }
    }
  });
});
