// What became of the reads of the made-up world: whole hours, except those that a test or the
// story says otherwise of. As from the server, `due` is `good` and all causes together.

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const AHEAD = 8 * HOUR;
/** Reads of an hour. */
const READS = 3_600;

/** When the day in China begins that an instant is in. */
export const dayStart = (time) => Math.floor((time + AHEAD) / DAY) * DAY - AHEAD;

export class Custody {
  /** Causes by `key hour`, as from `put`. */
  #causes = new Map();
  #gaps = [];
  /** Points beside those of the world, for a gateway that has very many. */
  more = [];
  /** Points of one answer. */
  room = 416;
  /** When a point was first read, by key; else it always was. */
  since = new Map();
  /** Gateways that never told anything. */
  never = new Set(['hehua-dust/gw-02']);
  /** What is answered instead, while it is set. */
  refusal = null;
  asked = [];

  /** Says why reads of a point's hour gave no good value: reads by cause. */
  put(key, hour, causes) {
    this.#causes.set(`${key} ${hour}`, causes);
  }

  gap(from, until, why, count = 0) {
    this.#gaps.push({ from, until, count, why });
  }

  answer(query, points) {
    const gateway = query.get('gateway');
    const [from, to] = [Number(query.get('from')), Number(query.get('to'))];
    const after = query.get('after') ?? '';
    this.asked.push({ gateway, from, to, after });
    if (this.refusal) return [503, this.refusal];
    const own = [...points, ...this.more].filter((it) => `${it.enterprise}/${it.gateway}` === gateway);
    const keys = this.never.has(gateway) ? [] : own.filter(({ key }) => key > after);
    keys.sort((a, b) => (a.key < b.key ? -1 : 1));
    const shown = keys.slice(0, this.room);
    return [200, {
      gateway,
      points: shown.map(({ key, title, interval_ms }) => ({
        key, title, interval_ms, hours: this.#hours(key, from, Math.min(to, Date.now())),
      })),
      gaps: this.never.has(gateway) ? [] : this.#gaps.filter((it) => it.from < to && it.until >= from),
      unreadable: 0,
      ...(keys.length > shown.length ? { next: shown.at(-1).key } : {}),
    }];
  }

  #hours(key, from, to) {
    const hours = [];
    for (let hour = Math.floor(from / HOUR) * HOUR; hour < to; hour += HOUR) {
      const begin = Math.max(hour, this.since.get(key) ?? 0);
      const due = Math.floor(Math.max(0, Math.min(to, hour + HOUR) - begin) / HOUR * READS);
      hours.push(cell(hour, due, this.#causes.get(`${key} ${hour}`) ?? {}));
    }
    return hours;
  }
}

/** Reasons with which a device did not answer, or nobody read it. */
const NOT_MADE = ['timeout', 'not_connected', 'skipped', 'restart', 'no_account'];
/** Reasons for which nothing is in history. */
const NOT_HERE = ['under_way', 'budget', 'refused', 'corrupt', 'restart', 'no_account', 'skipped'];

function cell(hour, due, asked) {
  const causes = [];
  let left = due;
  for (const [why, reads] of Object.entries(asked)) {
    const some = Math.min(left, reads);
    if (some > 0) causes.push({ why, reads: some });
    left -= some;
  }
  causes.sort((a, b) => b.reads - a.reads);
  const of = (whys) => causes.reduce((sum, it) => sum + (whys.includes(it.why) ? it.reads : 0), 0);
  const unchanged = Math.floor(left * 0.6);
  return {
    hour, due, made: due - of(NOT_MADE), good: left, unchanged,
    delivered: due - unchanged - of(NOT_HERE), causes,
  };
}

/** A day with a bit of everything, to look at. */
export function fillCustody(mock) {
  const now = Date.now();
  const start = dayStart(now);
  const put = (key, at, causes) => mock.custody.put(key, start + at * HOUR, causes);
  const hours = Math.floor((now - start) / HOUR);
  put('T101.level', 2, { timeout: 30 });
  put('T101.level', 5, { timeout: 1_400, device_busy: 12 });
  put('T102.level', 3, { skipped: 40, uncertain: 20, illegal_address: 10 });
  put('P201.flow', 1, { refused: 600 });
  for (let at = 0; at < hours; at += 1) put('GD01.lel', at, { not_connected: 400, unchanged_without_value: 3_200 });
  for (const key of ['T101.level', 'T101.temp', 'T102.level', 'P201.flow']) {
    put(key, 7, { restart: 900, no_account: 300 });
    put(key, hours, { under_way: 120 });
  }
  mock.custody.gap(start + 7 * HOUR + 600_000, start + 7 * HOUR + 1_500_000, 'restart');
  mock.custody.gap(start + 1 * HOUR + 60_000, start + 1 * HOUR + 660_000, 'refused', 600);
  mock.custody.gap(start - 2 * HOUR, start + 5_000, 'budget', 9_120);
}
