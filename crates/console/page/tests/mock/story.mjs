// A busy but believable moment: every kind of mark that the page can show is somewhere in it.

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
  mock.raise(point('W3.ch4'), 'cutoff', { title: methane, value: 1.57, raised_at: now - 42_000 });
  mock.raise(point('T101.level'), 'H', { title: tank, value: 85.2, raised_at: now - 6 * MINUTE });
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
  mock.raise(point('T102.level'), 'HH', {
    title: tank, value: 92.4, raised_at: now - 200 * MINUTE, state: 'normal',
    returned_at: now - 180 * MINUTE, acked_by: '李敏', acked_at: now - 199 * MINUTE,
  });
  mock.gateways.push({
    ...mock.gateways[2], gateway: 'gw-05', state: 'silent', connected: false, points: 0,
    last_seen: now - 15 * MINUTE, lag_ms: null, skew_ms: null, backlog_frames: 0,
    faults: [{ code: 'silent', zh: '超过 10 秒没有收到数据', en: 'nothing received for over 10 s' }],
  });
  mock.bad.set(point('SP1.temp').id, 'device_offline');
  mock.bad.set(point('T101.temp').id, 'timeout');
}
