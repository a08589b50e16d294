// A small made-up world for the mock server: three plants, their points, alarms and gateways.

const LIMITS = {
  level: [
    ['tank.level', 'H', 'above', 85, 83, 'yellow'],
    ['tank.level', 'HH', 'above', 92, 90, 'red'],
  ],
  gas: [
    ['gas.combustible', 'L1', 'above', 25, 20, 'yellow'],
    ['gas.combustible', 'L2', 'above', 50, 25, 'orange'],
  ],
  methane: [
    ['mine.methane', 'alarm', 'above', 1, 0.9, 'orange'],
    ['mine.methane', 'cutoff', 'above', 1.5, 1, 'red'],
  ],
  pressure: [['dust.pressure', 'low', 'below', -1.2, -1.4, 'blue']],
};

function limits(name) {
  return (LIMITS[name] ?? []).map(([rule, level, op, value, reset, severity]) => ({
    rule, level, op, value, reset, severity,
  }));
}

const ROWS = [
  // enterprise, gateway, key, zh, en, kind, unit, low, high, limits, start
  ['dongwu-tankfarm', 'gw-01', 'T101.level', '101 储罐液位', 'Tank 101 level', 'level', '%', 0, 100, 'level', 88],
  ['dongwu-tankfarm', 'gw-01', 'T101.temp', '101 储罐温度', 'Tank 101 temperature', 'temperature', '°C', -20, 80, '', 24],
  ['dongwu-tankfarm', 'gw-01', 'T102.level', '102 储罐液位', 'Tank 102 level', 'level', '%', 0, 100, 'level', 46],
  ['dongwu-tankfarm', 'gw-01', 'GD01.lel', '装车台可燃气体', 'Loading bay gas', 'concentration', '%LEL', 0, 100, 'gas', 31],
  ['dongwu-tankfarm', 'gw-01', 'P201.flow', '201 泵出口流量', 'Pump 201 flow', 'flow', 'm3/h', 0, 200, '', 121],
  ['beishan-mine', 'gw-07', 'W3.ch4', '3 号工作面甲烷', 'Face 3 methane', 'concentration', '%CH4', 0, 4, 'methane', 1.62],
  ['beishan-mine', 'gw-07', 'W3.wind', '3 号工作面风速', 'Face 3 air speed', 'speed', 'm/s', 0, 15, '', 2.1],
  ['beishan-mine', 'gw-07', 'FAN1.run', '1 号主扇运行', 'Main fan 1 running', 'state', '1', null, null, '', true],
  ['hehua-dust', 'gw-02', 'DC1.dp', '1 号除尘器压差', 'Collector 1 pressure', 'pressure', 'kPa', -4, 0, 'pressure', -1.1],
  ['hehua-dust', 'gw-02', 'DC1.run', '1 号除尘器运行', 'Collector 1 running', 'state', '1', null, null, '', false],
  ['hehua-dust', 'gw-02', 'SP1.temp', '料仓温度', 'Silo temperature', 'temperature', '°C', 0, 150, '', 41],
];

// The states of lines and devices, as gateways tell them.
const SOURCES = [
  ['beishan-mine', 'gw-07', 'line', 'plc1', true],
  ['beishan-mine', 'gw-07', 'device', 'plc1/1', true],
  ['beishan-mine', 'gw-07', 'device', 'plc1/2', true],
  ['dongwu-tankfarm', 'gw-01', 'line', 'plc1', true],
  ['dongwu-tankfarm', 'gw-01', 'device', 'plc1/3', false],
];

function makeSources() {
  return SOURCES.map(([enterprise, gateway, kind, name, start]) => {
    const key = `fenghuo.${kind}.${name.replace('/', '.')}`;
    const labels = { 'fenghuo.source': kind, [`fenghuo.${kind}`]: name };
    return {
      id: `${enterprise}/${gateway}/${key}`, enterprise, gateway, key,
      title: { zh: `${name} 通信`, en: `${name} link` }, kind: 'state', unit: '1',
      value_type: 'bool', range: null, interval_ms: 5000, labels, limits: [], start,
    };
  });
}

export function makePoints() {
  return [...makeMeasured(), ...makeSources()];
}

function makeMeasured() {
  return ROWS.map(([enterprise, gateway, key, zh, en, kind, unit, low, high, limit, start]) => ({
    id: `${enterprise}/${gateway}/${key}`,
    enterprise, gateway, key,
    title: { zh, en },
    kind, unit,
    value_type: typeof start === 'boolean' ? 'bool' : 'f64',
    range: low === null ? null : { low, high },
    interval_ms: 1000,
    labels: {},
    limits: limits(limit),
    start,
  }));
}

export function makeGateways(now) {
  const row = (enterprise, gateway, state, more = {}) => ({
    enterprise, gateway, state,
    connected: state !== 'silent',
    last_seen: now - 400, watermark: now - 600, lag_ms: 85, skew_ms: 12, backlog_frames: 0,
    epoch: '5f3a', points: 5, refused: 0, duplicates: 0, corrupt: 0, gaps: 0, faults: [],
    ...more,
  });
  return [
    row('beishan-mine', 'gw-07', 'live', { points: 3 }),
    row('dongwu-tankfarm', 'gw-01', 'live'),
    row('hehua-dust', 'gw-02', 'backlog', { lag_ms: 640_000, backlog_frames: 1_284, skew_ms: -2400, points: 3 }),
  ];
}

export function makeHealth(now) {
  return {
    status: 'ok', problems: [], now, version: '0.1.0',
    log: { id: 'a1b2', first: 1, next: 1000, bytes: 1 << 20, free_bytes: 1 << 34 },
    judge_lag_ms: 3,
    history: { series: ROWS.length, head_samples: 1000, bytes: 1 << 20 },
  };
}

/** An alarm on a point's limit; `level` picks the limit. */
export function makeAlarm(point, level, event, more = {}) {
  const limit = point?.limits.find((l) => l.level === level);
  const at = Date.now();
  const rule = limit?.rule ?? (point ? 'site.other' : 'fenghuo.gateway-silent');
  return whole({
    alarm: `${rule}/${level}@${point?.id ?? more.enterprise}`,
    occurrence: event,
    rule, rule_version: '1', level,
    title: { zh: '监测值超限', en: 'Measured value beyond limit' },
    severity: limit?.severity ?? 'yellow',
    state: 'unacknowledged',
    enterprise: point?.enterprise, gateway: point?.gateway,
    point: point?.id ?? null,
    point_title: point?.title ?? null,
    unit: point?.unit ?? null,
    value: limit ? limit.value + 0.5 : null,
    limit: limit?.value ?? null,
    op: limit?.op ?? null,
    raised_at: at, changed_at: at,
    returned_at: null, acked_at: null, acked_by: null, comment: null,
    retrospective: false, held: null, unwatched: null,
    source: limit
      ? { standard: 'GB/T 50493-2019', clause: '5.5.2', ship: 'REG', confidence: 'V' }
      : null,
    event,
    stamps: { read: at, received: at, judged: at, journaled: at },
    group: null, seen: null, raises: 1, latch: false, shelve_max_ms: 8 * 3_600_000, shelf: null,
    suppressed_by: null, permit: null, case: null, first_out: null, planned: null, repeated: false,
    ...more,
  });
}

const COVERED = ['shelved', 'suppressed', 'out_of_service'];

/** Fills in what follows from an alarm's state. */
export function whole(alarm) {
  const life = COVERED.includes(alarm.state) ? (alarm.life ?? 'unacknowledged') : alarm.state;
  const active = life === 'unacknowledged' || life === 'acknowledged';
  const over = life === 'normal' && !alarm.case && !alarm.permit && !alarm.shelf;
  return { ...alarm, life, active, over };
}

/** A case of a grade in which everything before a step is done. */
export function makeCase(step, due, more = {}) {
  const at = ['acknowledge', 'cause', 'verify', 'close'].indexOf(step);
  return {
    grade: 'orange', opened: due - 900_000, step, due: step === 'close' ? null : due, overdue: null,
    tier: 0, asks: ['acknowledge', 'cause', 'verify', 'close'], acknowledged: at > 0,
    answered: at === 3, second_person: true, cause: at > 1 ? 'true' : null,
    cause_by: at > 1 ? '王建国' : null, measure: at > 1 ? '已加大风量并撤人' : null,
    verified_by: at > 2 ? '周科长' : null, ...more,
  };
}

/** The life of an alarm whose case was closed: stated twice, as the county sent it back once. */
export function makeStory(raised) {
  const step = (second, transition, by = null, comment = null, more = {}) => ({
    event: `${second}.0`, at: raised + second * 1000, transition, state: '', by, comment,
    cause: null, accepted: null, held: null, unwatched: null, rule_version: null, seen: null, deciding: [], stamps: {},
    ...more,
  });
  return [
    step(0, 'raise'),
    step(60, 'acknowledge', '李敏', '已通知中控停泵'),
    step(900, 'state_cause', '李敏', '已关进料阀', { cause: 'false' }),
    step(1200, 'return'),
    step(1500, 'verify', '周科长', '与进料记录不符', { accepted: false }),
    step(2100, 'state_cause', '李敏', '进料阀内漏，已更换', { cause: 'true' }),
    step(3000, 'verify', '周科长', null, { accepted: true }),
    step(3300, 'close', '周科长', '已归档'),
  ];
}

const counts = (required, connected, live) => ({ required, connected, live });

/** Coverage by each key, as the server groups it. */
export function makeCoverage() {
  const target = (id, zh, en, seed, ...figures) => ({
    id, plant: 'any', title: { zh, en }, seed, counts: counts(...figures),
  });
  const row = (key, zh, en, figures, targets = [], unknown_plants = []) => ({
    key, title: { zh, en }, counts: counts(...figures), targets, unknown_plants,
  });
  const plants = [
    row('beishan-mine', '北山煤矿', 'Beishan coal mine', [40, 31, 30], [
      target('coal.methane', '采掘工作面甲烷', 'Methane at working faces', ['3.1'], 24, 22, 21),
      target('coal.fan', '主要通风机运行', 'Main fan running', ['3.2'], 16, 9, 9),
    ]),
    row('dongwu-tankfarm', '东吴罐区', 'Dongwu tank farm', [60, 60, 58], [
      target('tank.level', '储罐液位', 'Tank level', ['2.1'], 30, 30, 29),
      target('tank.gas', '可燃气体', 'Combustible gas', ['2.3'], 30, 30, 29),
    ]),
    row('hehua-dust', '荷花木业', 'Hehua wood works', [12, 12, 12], [
      target('dust.run', '除尘器运行', 'Dust collector running', ['5.1'], 12, 12, 12),
    ], ['paper']),
  ];
  const rest = {
    total: counts(112, 103, 100),
    seeds: { '2.1': counts(30, 30, 29), '2.3': counts(30, 30, 29), '3.1': counts(24, 22, 21), '3.2': counts(16, 9, 9), '5.1': counts(12, 12, 12) },
    unregistered: [{ enterprise: 'xinan-paint', gateways: 1, points: 14 }],
  };
  return {
    enterprise: { by: 'enterprise', rows: plants, ...rest },
    industry: {
      by: 'industry',
      rows: [row('coal', 'coal', 'coal', [40, 31, 30]), row('hazchem', 'hazchem', 'hazchem', [60, 60, 58]), row('dust', 'dust', 'dust', [12, 12, 12])],
      ...rest,
    },
    township: {
      by: 'township',
      rows: [row('北山镇', '北山镇', 'Beishan town', [40, 31, 30]), row('东吴镇', '东吴镇', 'Dongwu town', [72, 72, 70])],
      ...rest,
    },
  };
}

/** A deterministic wave around a point's start. */
export function valueAt(point, time) {
  if (typeof point.start !== 'number') return point.start;
  const size = (point.range.high - point.range.low) * 0.03;
  const slow = Math.sin(time / 97_000) + 0.4 * Math.sin(time / 23_000);
  const quick = 0.15 * Math.sin(time / 1_700) + 0.1 * Math.sin(time / 611);
  return point.start + size * (slow + quick);
}
