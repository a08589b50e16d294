// A busy but believable moment: every kind of mark that the page can show is somewhere in it.

import { makeCase, makeStory } from './world.mjs';

const MINUTE = 60_000;

export function fillWorld(mock) {
  const now = Date.now();
  const { point } = { point: (key) => mock.point(key) };
  const gas = { zh: '可燃气体超限', en: 'Combustible gas high' };
  const methane = { zh: '甲烷超限断电', en: 'Methane cut-off' };
  const tank = { zh: '储罐液位高', en: 'Tank level high' };

  mock.raise(point('W3.ch4'), 'alarm', {
    title: { zh: '甲烷报警', en: 'Methane alarm' }, value: 1.04, raised_at: now - 9 * MINUTE,
    state: 'acknowledged', acked_by: '王建国', acked_at: now - 8 * MINUTE, comment: '已通知通风队',
  });
  mock.raise(point('W3.ch4'), 'cutoff', {
    title: methane, value: 1.57, raised_at: now - 42_000, latch: true, shelve_max_ms: 0,
    first_out: { group: 'area=W3', first: null },
    case: makeCase('acknowledge', now + 258_000, { grade: 'red' }),
  });
  mock.raise(point('T101.level'), 'H', {
    title: tank, value: 85.2, raised_at: now - 6 * MINUTE, repeated: true,
  });
  mock.raise(point('T102.level'), 'HH', {
    title: tank, value: 92.1, raised_at: now - 95 * MINUTE, state: 'latched_acknowledged', latch: true,
    returned_at: now - 80 * MINUTE, acked_by: '李敏', acked_at: now - 94 * MINUTE, alarm: 'tank.level/HH@latched',
    case: makeCase('cause', now - MINUTE, { overdue: 'cause', tier: 1, grade: 'red' }),
  });
  mock.raise(point('SP1.temp'), 'H', {
    title: { zh: '料仓温度高', en: 'Silo temperature high' }, value: 71.4, raised_at: now - 50 * MINUTE,
    limit: 70, op: 'above', state: 'shelved', severity: 'yellow',
    shelf: { by: '赵刚', comment: '探头校验中', until: now + 75 * MINUTE, one_shot: true },
  });
  mock.raise(point('P201.flow'), 'low', {
    title: { zh: '泵出口流量低', en: 'Pump flow low' }, value: 3, limit: 20, op: 'below', severity: 'blue',
    raised_at: now - 30 * MINUTE, state: 'suppressed', suppressed_by: point('T101.level').id,
  });
  mock.raise(point('T101.temp'), 'H', {
    title: { zh: '储罐温度高', en: 'Tank temperature high' }, value: 61, limit: 60, op: 'above',
    raised_at: now - 26 * 60 * MINUTE, state: 'out_of_service', severity: 'orange',
    permit: { by: '赵刚', comment: '更换温度变送器', permit: 'TY-2026-118', until: now + 22 * 60 * MINUTE, agreed_by: '李敏' },
  });
  mock.raise(point('DC1.dp'), 'high', {
    title: { zh: '除尘器压差高', en: 'Dust collector pressure high' }, value: -3.2, limit: -3, op: 'below',
    raised_at: now - 5 * MINUTE, severity: 'yellow', planned: 'DC1 校验',
    permit: { by: '赵刚', comment: '清灰系统检修', permit: 'TY-2026-120', until: now + 8 * 60 * MINUTE, agreed_by: null },
  });
  mock.raise(point('W3.ch4'), 'alarm', {
    title: { zh: '甲烷报警', en: 'Methane alarm' }, value: 1.12, raised_at: now - 190 * MINUTE,
    state: 'normal', returned_at: now - 170 * MINUTE, acked_by: '王建国', acked_at: now - 188 * MINUTE,
    alarm: 'mine.methane/alarm@closing', case: makeCase('close', now),
  });
  mock.raise(point('GD01.lel'), 'L1', {
    title: gas, value: 25.6, raised_at: now - 70 * MINUTE,
    state: 'returned_unacknowledged', returned_at: now - 52 * MINUTE,
  });
  mock.raise(point('GD01.lel'), 'L2', {
    title: gas, value: 51.3, raised_at: now - 130 * MINUTE, retrospective: true,
  });
  mock.raise(point('DC1.dp'), 'low', {
    title: { zh: '除尘器压差低', en: 'Dust collector pressure low' }, value: -1.18,
    raised_at: now - 3 * 60 * MINUTE, held: 'device_offline',
  });
  mock.raise(null, 'silent', {
    title: { zh: '网关失联', en: 'Gateway silent' },
    enterprise: 'hehua-dust', gateway: 'gw-05', severity: 'orange', raised_at: now - 15 * MINUTE,
  });
  const ended = mock.raise(point('T102.level'), 'HH', {
    title: tank, value: 92.4, raised_at: now - 200 * MINUTE, state: 'normal',
    returned_at: now - 180 * MINUTE, acked_by: '李敏', acked_at: now - 199 * MINUTE,
  });
  mock.stories.set(ended.occurrence, makeStory(ended.raised_at));
  const tanks = { enterprise: ['dongwu-tankfarm'] };
  const { windows } = mock;
  windows.put('booking', 'T101 液位计校验', { ...tanks, key: ['T101.level', 'T101.temp'] },
    [now - 40 * MINUTE, now + 80 * MINUTE], '赵刚', '半年一次的现场校验，单号 JL-0611');
  windows.put('booking', '消防演练', { enterprise: ['hehua-dust'] },
    [now + 26 * 60 * MINUTE, now + 28 * 60 * MINUTE], '周科长', '全厂演练');
  windows.put('booking', 'GD01 通气试验', { ...tanks, key: ['GD01.lel'] },
    [now - 30 * 60 * MINUTE, now - 29 * 60 * MINUTE], '李敏', '标准气体', {
      by: '李敏', comment: '提前做完', at: now - 29 * 60 * MINUTE,
    });
  windows.put('silence', '3 号面检修短信', { enterprise: ['beishan-mine'], severity: ['blue', 'yellow'] },
    [now - 10 * MINUTE, now + 50 * MINUTE], '王建国', '更换电缆，现场有人值守');
  mock.gateways.push({
    ...mock.gateways[2], gateway: 'gw-05', state: 'silent', connected: false, points: 0,
    last_seen: now - 15 * MINUTE, lag_ms: null, skew_ms: null, backlog_frames: 0,
    faults: [{ code: 'silent', zh: '超过 10 秒没有收到数据', en: 'nothing received for over 10 s' }],
  });
  mock.bad.set(point('SP1.temp').id, 'device_offline');
  mock.bad.set(point('T101.temp').id, 'timeout');
}
