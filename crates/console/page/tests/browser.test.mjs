// The built page in a real browser over the mock server: what a person in a control room sees.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeCase } from './mock/world.mjs';
import { by, mock, open, page, seen, text } from './stage.mjs';

describe('alarms', () => {
  test('an alarm appears by the stream, with severity, value, limit and counts', async () => {
    await open();
    await seen(by('no-alarms'));
    mock.raise(mock.point('W3.ch4'), 'cutoff', { title: { zh: '甲烷断电', en: 'Methane cut-off' }, value: 1.57 });
    await seen(by('alarm'));
    const row = await text(by('alarm'));
    for (const part of ['红', '甲烷断电', '3 号工作面甲烷', '1.57', '%CH₄', '≥ 1.5', '未确认']) {
      assert.ok(row.includes(part), `${part} in ${row}`);
    }
    assert.match(await text(by('total-red')), /红 1 \/1/);
    await page.waitForFunction(() => document.title.startsWith('(1)'));
  });

  test('acknowledging sends name and comment, and remembers the name', async () => {
    const alarm = mock.raise(mock.point('GD01.lel'), 'L2');
    await open();
    await page.click(by('ack'));
    await page.click(`${by('ack-form')} button[type=submit]`);
    await page.waitForFunction(() => document.body.innerText.includes('请填写姓名'));
    assert.equal(mock.acts.length, 0);
    await page.fill('[name=by]', '王建国');
    await page.fill('[name=comment]', '<b>已通知</b>');
    await page.keyboard.press('Enter');
    await seen(`${by('alarm')}[data-state=acknowledged]`);
    const deed = { deed: 'acknowledge', occurrence: alarm.occurrence };
    assert.deepEqual(mock.acts, [{ by: '王建国', comment: '<b>已通知</b>', deed }]);
    await page.click(`${by('alarm')} .main`);
    // A comment is text: it is shown as it was typed, never as markup.
    await page.waitForFunction(() => document.body.innerText.includes('<b>已通知</b>'));

    mock.raise(mock.point('T101.level'), 'HH');
    await page.click(by('ack'));
    assert.equal(await page.inputValue('[name=by]'), '王建国');
  });

  test('a refused acknowledgement says why and keeps what was typed', async () => {
    mock.raise(mock.point('GD01.lel'), 'L1');
    mock.refuseAct = { code: 'already', message: { zh: '告警已经结束', en: 'the alarm is over' } };
    await open();
    await page.click(by('ack'));
    await page.fill('[name=by]', '李敏');
    await page.fill('[name=comment]', '现场查看');
    await page.click(`${by('ack-form')} button[type=submit]`);
    await page.waitForFunction(() => document.body.innerText.includes('未能完成：告警已经结束'));
    assert.equal(await page.inputValue('[name=comment]'), '现场查看');
  });

  test('an alarm that returns and is acknowledged moves to the ended ones', async () => {
    let alarm = mock.raise(mock.point('T101.level'), 'H');
    await open();
    alarm = mock.change(alarm, 'return', { state: 'returned_unacknowledged', returned_at: Date.now() });
    await seen(`${by('alarm')}[data-state=returned_unacknowledged]`);
    mock.change(alarm, 'acknowledge', { state: 'normal', acked_by: '李敏', acked_at: Date.now() });
    await seen(by('no-alarms'));
    await page.click(by('tab-ended'));
    await seen(`${by('alarm')}[data-state=normal]`);
  });

  // peers 58 63
  test('a storm on 2,000 alarms: few rows exist, the open form stays in place', async () => {
    const points = mock.points.filter((point) => point.limits.length > 0);
    const alarms = [];
    for (let n = 0; n < 1999; n += 1) {
      const point = points[n % points.length];
      alarms.push(mock.raise(point, point.limits[0].level, { alarm: `storm${n}` }));
    }
    await open();
    await page.click(by('ack'));
    await page.fill('[name=by]', '王建国');
    const place = () => page.$eval(by('ack-form'), (form) => form.getBoundingClientRect().top);
    const before = await place();

    await page.evaluate(() => {
      window.frames_ms = [];
      let last = performance.now();
      const tick = (now) => {
        window.frames_ms.push(now - last);
        last = now;
        requestAnimationFrame(tick);
      };
      requestAnimationFrame(tick);
    });
    // 20 times 250 transitions over a second, as a storm of 5,000/s would bring them.
    for (let burst = 0; burst < 20; burst += 1) {
      for (let n = 0; n < 250; n += 1) {
        const at = 1000 + ((burst * 250 + n) % 900);
        const state = burst % 2 === 0 ? 'acknowledged' : 'unacknowledged';
        alarms[at] = mock.change(alarms[at], 'acknowledge', { state });
      }
      if (burst % 5 === 0) mock.raise(mock.point('W3.ch4'), 'cutoff', { alarm: `new${burst}` });
      await new Promise((done) => setTimeout(done, 50));
    }
    await seen(by('above'));
    assert.equal(await place(), before, 'new alarms above do not move the form');
    assert.equal(await page.inputValue('[name=by]'), '王建国');
    assert.ok((await page.$$(by('alarm'))).length < 40, 'only visible rows exist');
    const worst = await page.evaluate(() => Math.max(...window.frames_ms.slice(1)));
    console.log(`storm: longest frame ${worst.toFixed(0)} ms`);
    await page.click(by('above'));
    await page.waitForFunction(() => document.querySelector('[role=list]').scrollTop === 0);
  });

  const names = () => page.$$eval('[data-test=alarm]', (rows) => rows.map((row) => row.dataset.state));
  const tab = async (name, count) => {
    await page.click(by(`tab-${name}`));
    await page.waitForFunction(
      (n) => document.querySelectorAll('[data-test=alarm]').length === n, count,
    );
  };
  const fill = async (fields) => {
    for (const [name, value] of Object.entries(fields)) await page.fill(`[name=${name}]`, value);
    await page.click(`${by('act-form')} button[type=submit]`);
    await seen(by('act-form'), { state: 'detached' });
  };

  test('a latched alarm is acknowledged, then reset', async () => {
    mock.raise(mock.point('W3.ch4'), 'cutoff', { state: 'latched_unacknowledged', latch: true });
    await open();
    assert.equal(await page.$(by('reset')), null, 'not before it was seen');
    await page.click(by('ack'));
    await page.fill('[name=by]', '李敏');
    await page.keyboard.press('Enter');
    await seen(`${by('alarm')}[data-state=latched_acknowledged]`);
    assert.match(await text(by('alarm')), /待复位/);
    await page.click(by('reset'));
    await fill({});
    await seen(by('no-alarms'));
    assert.equal(mock.acts[1].deed.deed, 'reset');
  });

  test('an alarm is shelved with a reason and a time, and found on the shelf', async () => {
    mock.raise(mock.point('T101.level'), 'H');
    await open();
    await page.click(`${by('alarm')} [data-main]`);
    await page.click(by('do-shelve'));
    await page.fill('[name=by]', '李敏');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.body.innerText.includes('请写明原因'));
    await page.selectOption('[name=span]', String(3_600_000));
    await page.check('[name=one_shot]');
    await fill({ comment: '浮子卡住，检修中' });
    await seen(by('no-alarms'));
    const { deed } = mock.acts[0];
    assert.ok(Math.abs(deed.until - Date.now() - 3_600_000) < 10_000 && deed.one_shot);
    await tab('shelved', 1);
    assert.match(await text(by('alarm')), /已搁置\s*剩 (59分|1时)/);
    await page.click(`${by('alarm')} [data-main]`);
    assert.match(await text(by('detail')), /实际状态：未确认.*李敏 搁置至.*浮子卡住/);
    await page.click(by('do-unshelve'));
    await fill({});
    await tab('active', 1);
  });

  test('out of service takes two persons, each in their turn', async () => {
    mock.raise(mock.point('T101.level'), 'HH', { shelve_max_ms: 0 });
    await open();
    await page.click(`${by('alarm')} [data-main]`);
    assert.equal(await page.$(by('do-shelve')), null, 'its rule forbids it');
    await page.click(by('do-ask_out'));
    await fill({ by: '赵刚', permit: 'TY-1', comment: '更换变送器' });
    await seen(`${by('alarm')}:has-text("申请停用")`);
    await page.click(by('do-agree_out'));
    await fill({ by: '李敏' });
    await tab('out_of_service', 1);
    await page.click(`${by('alarm')} [data-main]`);
    assert.match(await text(by('detail')), /TY-1，赵刚 申请停用.*李敏 已同意/);
    await page.click(by('do-put_back'));
    await fill({ comment: '已更换并校验' });
    await tab('active', 1);
  });

  test('a case is stated, verified and closed', async () => {
    mock.raise(mock.point('W3.ch4'), 'alarm', {
      state: 'normal', case: makeCase('cause', Date.now() + 125_000),
    });
    await open();
    await seen(by('no-alarms'));
    await tab('closing', 1);
    await page.click(`${by('alarm')} [data-main]`);
    assert.match(await text(by('case')), /✓ 核警.*● 说明原因与措施\s*剩 2分0\d秒.*○ 核查.*○ 销警/);
    await page.click(by('do-state'));
    await page.selectOption('[name=cause]', 'true');
    await fill({ by: '王建国', comment: '加大风量' });
    await page.click(by('do-verify'));
    await fill({ by: '周科长' });
    assert.match(await text(by('detail')), /真实告警，王建国：加大风量.*周科长 已核查/);
    await page.click(by('do-close'));
    await fill({});
    await tab('ended', 1);
    assert.deepEqual(mock.acts.map(({ deed }) => deed.deed), ['state', 'verify', 'close']);
  });

  test('blue and yellow ones are acknowledged together, severe ones one by one', async () => {
    mock.raise(mock.point('T101.level'), 'H');
    mock.raise(mock.point('GD01.lel'), 'L1');
    mock.raise(mock.point('W3.ch4'), 'cutoff');
    await open();
    assert.match(await text(by('ack-many')), /一并确认 2 条/);
    await page.click(by('ack-many'));
    await fill({ by: '李敏' });
    await page.waitForFunction(
      () => document.querySelectorAll('[data-test=alarm][data-state=unacknowledged]').length === 1,
    );
    assert.equal(mock.acts[0].deed.occurrences.length, 2);
    assert.equal(await page.$(by('ack-many')), null);
    assert.deepEqual(await names(), ['unacknowledged', 'acknowledged', 'acknowledged']);
  });

  test('first-out, planned and repeated alarms are marked', async () => {
    mock.raise(mock.point('W3.ch4'), 'cutoff', {
      first_out: { group: 'area=W3', first: null }, planned: '校验', repeated: true,
    });
    await open();
    const row = await text(by('alarm'));
    for (const word of ['首出', '计划内', '反复']) assert.ok(row.includes(word), row);
  });

  test('what nobody watches any more is never called returned', async () => {
    mock.raise(mock.point('W3.ch4'), 'cutoff', {
      state: 'returned_unacknowledged', active: false, returned_at: Date.now() - 9e4, unwatched: 'rule',
    });
    await open();
    const row = await text(by('alarm'));
    for (const word of ['不再监视，未确认', '规则已移除或停用']) assert.ok(row.includes(word), row);
    assert.doesNotMatch(row, /恢复/);
  });

  test('the keyboard alone is enough', async () => {
    mock.raise(mock.point('W3.ch4'), 'cutoff');
    const tank = mock.raise(mock.point('T101.level'), 'H');
    await open();
    await page.focus(`${by('alarm')} [data-main]`);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('a');
    await seen(by('ack-form'));
    // Key by key: the cursor stays where one types.
    await page.keyboard.type('Li Min', { delay: 20 });
    assert.equal(await page.inputValue('[name=by]'), 'Li Min');
    await page.keyboard.press('Enter');
    await seen(`${by('alarm')}[data-state=acknowledged]`);
    assert.equal(mock.acts[0].deed.occurrence, tank.occurrence);
  });
});

describe('the page', () => {
  test('speaks Chinese at first, English by a switch, and remembers it', async () => {
    await open();
    assert.equal(await page.getAttribute('html', 'lang'), 'zh-CN');
    await page.click(by('lang-en'));
    await page.waitForFunction(() => document.body.innerText.includes('Current values'));
    assert.doesNotMatch(await text('main'), /[一-鿿]/);
    await page.reload();
    await page.waitForFunction(() => document.body.innerText.includes('Current values'));
    assert.equal(await page.getAttribute('html', 'lang'), 'en');
  });

  test('draws a trend with its limits and grows with live values', async () => {
    await open();
    await page.click(`[data-point="beishan-mine/gw-07/W3.ch4"]`);
    await seen(`${by('trend')}[data-state=ready][data-limits="2"]`);
    const steps = () => page.$eval(by('trend'), (chart) => Number(chart.dataset.steps));
    const before = await steps();
    assert.ok(before > 500, `${before} steps`);
    await page.waitForFunction(
      (n) => Number(document.querySelector('[data-test=trend]').dataset.steps) > n + 3,
      before,
    );
    const colours = await page.$eval(`${by('trend')} canvas`, (canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const found = new Set();
      for (let at = 0; at < data.length; at += 4) found.add(`${data[at]},${data[at + 1]},${data[at + 2]}`);
      return [...found];
    });
    for (const colour of ['255,90,87', '255,148,64']) {
      assert.ok(colours.includes(colour), `a limit is drawn in ${colour}`);
    }
    await page.click(by('span-24h'));
    await page.waitForFunction(() => document.body.innerText.includes('阴影为最小至最大'));
  });

  test('a bad reading is a dash with its reason, never the value before it', async () => {
    await open();
    const row = '[data-point="beishan-mine/gw-07/W3.wind"]';
    await page.waitForFunction((r) => /\d\.\d\d/.test(document.querySelector(r).innerText), row);
    mock.bad.set('beishan-mine/gw-07/W3.wind', 'timeout');
    await page.waitForFunction((r) => document.querySelector(r).innerText.includes('设备超时未应答'), row);
    const shown = await text(row);
    assert.ok(shown.includes('—'), shown);
    assert.doesNotMatch(shown, /\d\.\d\d/);
  });

  test('a value on change that grew old says its age and is never the value now', async () => {
    const point = mock.point('W3.ch4');
    point.interval_ms = 0;
    mock.raise(point, 'cutoff');
    await open();
    await page.waitForFunction(() => /当前 \d/.test(document.querySelector('[data-test=now]').innerText));
    mock.stopped.set(point.id, Date.now() - 125_000);
    await page.waitForFunction(() =>
      /^最后读数 2分\d\d秒前$/.test(document.querySelector('[data-test=now]').innerText.trim()),
    );
    await seen(`[data-point="${point.id}"].old`);
    assert.match(await text(by('trend-old')), /最后读数 2分/);
    assert.match(await text('.readout .now'), /^—/);
  });

  test('a point whose silence is in alarm is not fresh', async () => {
    await open();
    const point = mock.point('P201.flow');
    const row = `[data-point="${point.id}"]`;
    await seen(`${row}:not(.old)`);
    const alarm = mock.raise(point, 'silent', { rule: 'mqtt.silent' });
    await seen(`${row}.old`);
    assert.match(await text(row), /前/);
    const returned_at = Date.now();
    mock.change(alarm, 'return', { state: 'returned_unacknowledged', returned_at });
    await seen(`${row}:not(.old)`);
    assert.match(await text(by('age')), /^发生 \d+秒前 恢复 \d+秒前$/);
  });

  test('a gateway that is down is told in the bar, and its old figures are not', async () => {
    await open();
    assert.equal(await text(by('health')), '✓ 正常');
    Object.assign(mock.gateways[1], { state: 'silent', connected: false, backlog_frames: 7 });
    await seen(`${by('health')}:has-text("网关异常 1")`);
    assert.doesNotMatch(await text(by('health')), /正常/);
    assert.match(await text(`${by('gateway')}.silent`), /✕ 失联\d+秒—7—5$/);
    await page.click(by('lang-en'));
    await seen(`${by('health')}:has-text("1 gateway down")`);
  });

  test('no state of an alarm is cut in the control room', async (t) => {
    t.after(() => page.setViewportSize({ width: 1366, height: 768 }));
    mock.raise(mock.point('GD01.lel'), 'L1', {
      state: 'returned_unacknowledged', raised_at: Date.now() - 3.6e6, returned_at: Date.now() - 3.54e6,
    });
    mock.raise(mock.point('W3.ch4'), 'cutoff', {
      state: 'returned_unacknowledged', returned_at: Date.now() - 3.54e6, unwatched: 'gateway',
    });
    await open();
    await page.click(by('lang-en'));
    for (const [width, height] of [[1366, 768], [1920, 1080]]) {
      await page.setViewportSize({ width, height });
      for (const part of ['.state', by('age')]) {
        const isCut = (all) => all.some((e) => e.scrollWidth > e.clientWidth);
        const cut = await page.$$eval(`${by('alarm')} ${part}`, isCut);
        assert.equal(cut, false, `${part} at ${width}`);
      }
    }
  });

  test('lines and devices stand with their gateway, not among the values', async () => {
    await open();
    const shown = await text('main');
    assert.doesNotMatch(shown, /fenghuo\.|plc1 通信/);
    assert.match(shown, /✕\s*设备\s*plc1\/3\s*不应答\s*● 1 条线路、设备正常/);
    Object.assign(mock.gateways[0], { state: 'silent', connected: false });
    await page.waitForFunction(() => /线路\s*plc1\s*未知/.test(document.body.innerText));
  });

  test('the plant filter narrows alarms, values and gateways', async () => {
    mock.raise(mock.point('W3.ch4'), 'cutoff');
    mock.raise(mock.point('T101.level'), 'H');
    await open();
    await page.selectOption(by('plant'), 'beishan-mine');
    await page.waitForFunction(() => document.querySelectorAll('[data-test=alarm]').length === 1);
    assert.equal((await page.$$(by('point'))).length, 3);
    assert.match(await text(by('elsewhere')), /其他企业有 1 条未确认/);
    assert.equal((await page.$$(by('gateway'))).length, 1);
  });

  test('refusing is told in a banner with its problems, and goes away by itself', async () => {
    await open();
    mock.setHealth('refusing', [{ code: 'disk_full', zh: '磁盘空间不足', en: 'the disk is full' }]);
    await seen(by('banner-refusing'));
    assert.match(await text(by('banner-refusing')), /拒收数据.*磁盘空间不足/);
    mock.setHealth('ok');
    await seen(by('banner-refusing'), { state: 'detached' });
  });

  // peers 42
  test('a lost connection is plain to see; after it comes back, everything is anew', async () => {
    mock.raise(mock.point('T101.level'), 'H');
    await open();
    const { port } = mock;
    await mock.stop();
    await seen(by('banner-lost'));
    assert.match(await text(by('banner-lost')), /连接中断，数据不是实时的/);
    assert.equal(await page.$eval('main .fades', (e) => getComputedStyle(e).opacity), '0.45');

    mock.alarms.clear();
    mock.raise(mock.point('W3.ch4'), 'cutoff');
    await mock.start(port);
    await seen(by('banner-lost'), { state: 'detached' });
    await page.waitForFunction(() => {
      const rows = [...document.querySelectorAll('[data-test=alarm]')];
      return rows.length === 1 && rows[0].innerText.includes('甲烷');
    });
  });

  test('`reset` loads everything again', async () => {
    await open();
    await seen(by('no-alarms'));
    const alarm = mock.raise(mock.point('T101.level'), 'H');
    await seen(by('alarm'));
    mock.alarms.delete(alarm.occurrence);
    mock.send('reset', {});
    await seen(by('no-alarms'));
  });
});
