// A stand-in for the server, for tests of the page only: the HTTP API over a made-up world.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Custody } from './custody.mjs';
import { Windows } from './windows.mjs';
import { makeAlarm, makeCoverage, makeGateways, makeHealth, makePoints, valueAt, whole } from './world.mjs';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
// The same policy as the crate's CONTENT_SECURITY_POLICY.
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const CURRENT_MS = 250;
const BEAT_MS = 1000;

export class Mock {
  points = makePoints();
  gateways = makeGateways(Date.now());
  health = makeHealth(Date.now());
  alarms = new Map();
  acts = [];
  windows = new Windows();
  coverage = makeCoverage();
  custody = new Custody();
  /** What was done about ended alarms, by occurrence. */
  stories = new Map();
  bad = new Map();
  /** When a point that fell silent was read for the last time. */
  stopped = new Map();
  refuseAct = null;
  position = 1000;
  streams = new Set();

  async start(port = 0) {
    this.server = createServer((request, response) => {
      this.answer(request, response).catch((error) => {
        response.writeHead(500).end(String(error));
      });
    });
    await new Promise((done) => this.server.listen(port, '127.0.0.1', done));
    this.port = this.server.address().port;
    this.timer = setInterval(() => this.send('current', this.current()), CURRENT_MS);
    this.slow = setInterval(() => this.beat(), BEAT_MS);
    return this.port;
  }

  async stop() {
    clearInterval(this.timer);
    clearInterval(this.slow);
    for (const stream of this.streams) stream.destroy();
    this.streams.clear();
    const closed = new Promise((done) => this.server.close(done));
    this.server.closeAllConnections();
    await closed;
  }

  get url() {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Gateways that are heard, are heard again. */
  beat() {
    const now = Date.now();
    this.gateways = this.gateways.map((gateway) =>
      gateway.state === 'silent' ? gateway : { ...gateway, last_seen: now - 300 },
    );
    for (const gateway of this.gateways) this.send('gateway', gateway);
  }

  point(key) {
    return this.points.find((point) => point.key === key);
  }

  current() {
    const time = Date.now();
    return this.points.map((point) => {
      const reason = this.bad.get(point.id);
      if (reason) return { id: point.id, time, value: null, quality: 'bad', reason };
      const read = this.stopped.get(point.id) ?? time;
      return { id: point.id, time: read, value: valueAt(point, read), quality: 'good', reason: null };
    });
  }

  /** Puts an alarm into the world and tells the screens. */
  raise(point, level, more = {}) {
    const event = `${(this.position += 1)}.0`;
    const alarm = makeAlarm(point, level, event, more);
    this.alarms.set(alarm.occurrence, alarm);
    this.send('alarm', { transition: 'raise', ...alarm }, event);
    return alarm;
  }

  change(alarm, transition, more) {
    const event = `${(this.position += 1)}.0`;
    const next = whole({ ...alarm, ...more, changed_at: Date.now(), event });
    this.alarms.set(alarm.occurrence, next);
    this.send('alarm', { transition, ...next }, event);
    return next;
  }

  setHealth(status, problems = []) {
    this.health = { ...this.health, status, problems, now: Date.now() };
    this.send('health', this.health);
  }

  send(event, data, id) {
    const text = `${id ? `id: ${id}\n` : ''}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    for (const stream of this.streams) stream.write(text);
  }

  async answer(request, response) {
    const url = new URL(request.url, this.url);
    if (!url.pathname.startsWith('/api/v1/')) return this.file(url.pathname, response);
    const json = (status, body) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    switch (url.pathname.slice('/api/v1/'.length)) {
      case 'health':
        return json(200, { ...this.health, now: Date.now() });
      case 'gateways':
        return json(200, this.gateways);
      case 'points':
        return json(200, this.points);
      case 'current':
        return json(200, this.current());
      case 'alarms': {
        const ended = url.searchParams.get('state') === 'ended';
        const all = [...this.alarms.values()].filter((a) => a.over === ended);
        return json(200, all.slice(0, Number(url.searchParams.get('limit'))));
      }
      case 'bookings':
        return json(200, this.windows.list('booking'));
      case 'silences':
        return json(200, this.windows.list('silence'));
      case 'coverage':
        return json(200, this.coverage[url.searchParams.get('by')]);
      case 'custody':
        return json(...this.custody.answer(url.searchParams, this.points));
      case 'explain': {
        const events = this.stories.get(url.searchParams.get('occurrence'));
        if (!events) return json(404, { code: 'unknown_alarm', message: { zh: '没有该告警', en: 'no such alarm' } });
        return json(200, { basis: 'journal', occurrence: { events } });
      }
      case 'range':
        return json(200, this.range(url.searchParams));
      case 'acts':
        return this.act(await body(request), json);
      case 'stream':
        response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
        response.write(': hello\n\n');
        this.streams.add(response);
        request.on('close', () => this.streams.delete(response));
        return undefined;
      default:
        return json(404, { code: 'not_found', message: { zh: '没有', en: 'none' } });
    }
  }

  range(query) {
    const point = this.points.find((p) => p.id === query.get('point'));
    const from = Number(query.get('from'));
    const to = Math.min(Date.now(), Number(query.get('to')));
    const step = Math.max(1000, Math.ceil((to - from) / Number(query.get('max'))));
    const t = [];
    for (let at = from; at <= to; at += step) t.push(Math.round(at));
    const hole = (at) => at > to - (to - from) * 0.4 && at < to - (to - from) * 0.35;
    const number = (at) => (hole(at) ? null : Number(valueAt(point, at)));
    const mean = t.map(number);
    const downsampled = step > 1000;
    const wide = (sign) => mean.map((v) => (v === null || !downsampled ? v : v + sign * Math.abs(v) * 0.01));
    return {
      point: point.id, unit: point.unit, downsampled, step_ms: step,
      t, mean, min: wide(-1), max: wide(1), bad: mean.map((v) => (v === null ? 1 : 0)),
    };
  }

  /** What a person does: enough of the engine to see the page follow. */
  act(act, json) {
    if (this.refuseAct) return json(409, this.refuseAct);
    const { deed } = act;
    if (deed.deed === 'offer_again') {
      this.acts.push(act);
      return json(200, { position: (this.position += 1), events: [], refused: [] });
    }
    if (this.windows.takes(deed)) {
      this.acts.push(act);
      this.windows.take(act);
      return json(200, { position: (this.position += 1), events: [], refused: [] });
    }
    const known = [...this.alarms.values()].filter((a) => !a.over);
    const named = known.filter(
      (a) =>
        deed.occurrences?.includes(a.occurrence) ||
        a.occurrence === deed.occurrence ||
        (a.alarm === deed.alarm && !a.over),
    );
    if (named.length === 0) {
      return json(404, { code: 'unknown_alarm', message: { zh: '没有该告警', en: 'no such alarm' } });
    }
    this.acts.push(act);
    const events = named.map((alarm) => this.change(alarm, deed.deed, after(alarm, act)));
    return json(200, { position: this.position, events, refused: [] });
  }

  async file(path, response) {
    const name = normalize(path === '/' ? 'index.html' : path.slice(1));
    if (name.startsWith('..')) return void response.writeHead(404).end();
    try {
      const bytes = await readFile(join(DIST, name));
      const type = TYPES[extname(name)] ?? 'application/octet-stream';
      response.writeHead(200, { 'content-type': type, 'content-security-policy': POLICY });
      response.end(bytes);
    } catch {
      response.writeHead(404).end();
    }
    return undefined;
  }
}

const SEEN = {
  unacknowledged: 'acknowledged',
  returned_unacknowledged: 'normal',
  latched_unacknowledged: 'latched_acknowledged',
};

/** How an alarm differs after an act. */
function after(alarm, { by, comment, deed }) {
  switch (deed.deed) {
    case 'acknowledge':
    case 'acknowledge_all':
      return {
        state: SEEN[alarm.life], acked_at: Date.now(), acked_by: by, comment: comment || null,
      };
    case 'reset':
      return { state: 'normal' };
    case 'shelve':
      return {
        state: 'shelved', life: alarm.life,
        shelf: { by, comment, until: deed.until, one_shot: deed.one_shot },
      };
    case 'unshelve':
      return { state: alarm.life, shelf: null };
    case 'ask_out':
      return { permit: { by, comment, permit: deed.permit, until: deed.until, agreed_by: null } };
    case 'agree_out':
      return { state: 'out_of_service', life: alarm.life, permit: { ...alarm.permit, agreed_by: by } };
    case 'put_back':
      return { state: alarm.life, permit: null };
    case 'state':
      return {
        case: { ...alarm.case, step: 'verify', cause: deed.cause, cause_by: by, measure: comment },
      };
    case 'verify':
      return { case: { ...alarm.case, step: 'close', answered: true, verified_by: by } };
    default:
      return { case: null };
  }
}

async function body(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return JSON.parse(text);
}
