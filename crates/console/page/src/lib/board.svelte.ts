/**
 * What the page knows, kept current by the stream.
 *
 * Events change plain maps at once (so that a hidden tab queues nothing); the reactive views are
 * replaced once per drawing, see `Pace`. Everything is loaded anew after each connect, after a
 * `reset`, and every RESYNC_MS as a second line of defence.
 */

import type { Deed } from './acts';
import { AlarmBook, listed, needsAck, noCounts, type Counts, type List } from './alarms';
import { api, OPEN_LIMIT, STREAM_URL, type Acted } from './api';
import { shownOf, type Shown } from './freshness';
import { recall, remember } from './memory';
import { Pace } from './pace';
import { isSource, sourceOf, worstFirst, type Source } from './sources';
import type { Message } from './sse';
import { LiveStream, type Link } from './stream';
import type { Alarm, Current, Gateway, Health, Point, Severity } from './types';

/** Shortest time between two drawings under load. */
const DRAW_GAP_MS = 100;
const RESYNC_MS = 60_000;
/** Shortest time between two loadings that events ask for. */
const RELOAD_GAP_MS = 3_000;
const TICK_MS = 1_000;

interface AlarmView extends Record<List, Alarm[]> {
  ended: Alarm[];
  counts: Counts;
  worst: Map<string, Severity>;
  /** Points whose silence is in alarm. */
  silent: Set<string>;
  cut: boolean;
  /** Unacknowledged at plants that the filter hides. */
  elsewhere: number;
}

type SampleListener = (sample: Current) => void;

class Board {
  link = $state<Link>('connecting');
  loaded = $state(false);
  health = $state.raw<Health | null>(null);
  gateways = $state.raw<Gateway[]>([]);
  points = $state.raw<Point[]>([]);
  plant = $state(recall('plant') ?? '');
  selected = $state<string | null>(null);
  /** The server's time now, as far as it is known. */
  now = $state(Date.now());
  heard = $state(0);
  alarms = $state.raw<AlarmView>({
    ...listed([]),
    ended: [],
    counts: noCounts(),
    worst: new Map(),
    silent: new Set(),
    cut: false,
    elsewhere: 0,
  });
  /** Rises with every change of a current value; see `currentOf`. */
  #values = $state(0);

  readonly #book = new AlarmBook();
  readonly #current = new Map<string, Current>();
  readonly #listeners = new Map<string, Set<SampleListener>>();
  readonly #byId = $derived(new Map(this.points.map((point) => [point.id, point])));
  readonly #pace = new Pace(() => this.#draw(), DRAW_GAP_MS);
  /** Points that the stream named since the newest loading began. */
  readonly #fresh = new Set<string>();
  #loads = 0;
  #offset = 0;
  #alarmsChanged = false;
  #valuesChanged = false;
  #reloadAt = 0;
  #reloadAsked = false;

  /** Starts living; the answer stops it. */
  start(): () => void {
    const stream = new LiveStream(STREAM_URL, {
      onOpen: (signal) => this.#load(signal),
      onMessages: (messages) => this.#take(messages),
      onLink: (link) => this.#setLink(link),
      probe: (signal) => this.#loadHealth(signal),
    });
    const tick = setInterval(() => (this.now = Date.now() + this.#offset), TICK_MS);
    const resync = setInterval(() => this.#askReload(), RESYNC_MS);
    stream.run().catch((error) => console.error('the event stream cannot run', error));
    return () => {
      stream.stop();
      clearInterval(tick);
      clearInterval(resync);
    };
  }

  /** The last reading of a point; tracked by whoever draws it. */
  currentOf(id: string | null): Current | undefined {
    void this.#values;
    return id === null ? undefined : this.#current.get(id);
  }

  /** What may be shown of a point's last reading now. */
  shownOf(point: Point): Shown {
    const silent = this.alarms.silent.has(point.id);
    return shownOf(point, this.currentOf(point.id), this.now, silent);
  }

  /** Points that measure something, without those that tell of lines and devices. */
  readonly measured = $derived(this.points.filter((point) => !isSource(point)));
  readonly #sources = $derived.by(() => {
    const byGateway = new Map<string, Point[]>();
    for (const point of this.points.filter(isSource)) {
      const key = `${point.enterprise}/${point.gateway}`;
      byGateway.set(key, [...(byGateway.get(key) ?? []), point]);
    }
    return byGateway;
  });

  /** The lines and devices of a gateway, those that do not answer first. */
  sourcesOf(gateway: Gateway): Source[] {
    const points = this.#sources.get(`${gateway.enterprise}/${gateway.gateway}`) ?? [];
    const silent = gateway.state === 'silent' || gateway.state === 'unknown';
    return worstFirst(
      points.map((point) => sourceOf(point, silent ? undefined : this.currentOf(point.id))),
    );
  }

  pointOf(id: string | null): Point | undefined {
    return id === null ? undefined : this.#byId.get(id);
  }

  /** Gateways, of all plants, that say nothing or never did. */
  readonly gatewaysDown = $derived(
    this.gateways.filter(({ state }) => state === 'silent' || state === 'unknown').length,
  );

  /** Every plant that a point or gateway belongs to. */
  readonly plants = $derived.by(() => {
    const names = new Set<string>();
    for (const { enterprise } of this.gateways) names.add(enterprise);
    for (const { enterprise } of this.points) names.add(enterprise);
    for (const { enterprise } of this.alarms.active) names.add(enterprise);
    if (this.plant !== '') names.add(this.plant);
    return [...names].sort();
  });

  choosePlant(plant: string): void {
    this.plant = plant;
    remember('plant', plant);
    this.#drawAlarms();
  }

  /** Calls `listener` with each new reading of a point until the answer is called. */
  listen(id: string, listener: SampleListener): () => void {
    const all = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, all.add(listener));
    return () => {
      all.delete(listener);
      if (all.size === 0 && this.#listeners.get(id) === all) this.#listeners.delete(id);
    };
  }

  alarmsOf(point: string): Alarm[] {
    void this.alarms;
    return this.#book.ofPoint(point);
  }

  async act(by: string, comment: string, deed: Deed): Promise<Acted> {
    const done = await api.act({ by, comment, deed });
    for (const event of done.events) this.#book.merge(event);
    this.#drawAlarms();
    return done;
  }

  #setLink(link: Link): void {
    this.link = link;
  }

  async #load(signal?: AbortSignal): Promise<void> {
    const load = (this.#loads += 1);
    const mark = this.#book.mark();
    this.#fresh.clear();
    const [, gateways, points, current, open, ended] = await Promise.all([
      this.#loadHealth(signal),
      api.gateways(signal),
      api.points(signal),
      api.current(signal),
      api.open(signal),
      api.ended(signal),
    ]);
    if (load !== this.#loads) return; // a later loading knows better
    this.gateways = gateways;
    this.points = points;
    this.#takeSnapshot(current);
    for (const alarm of ended) this.#book.merge(alarm);
    this.#book.reconcile(open, mark, open.length < OPEN_LIMIT);
    this.#reloadAt = Date.now();
    this.loaded = true;
    this.#drawAlarms();
    this.#valuesChanged = true;
    this.#pace.ask();
  }

  async #loadHealth(signal?: AbortSignal): Promise<void> {
    this.#takeHealth(await api.health(signal));
  }

  #take(messages: Message[]): void {
    this.heard = Date.now() + this.#offset;
    for (const message of messages) {
      try {
        this.#takeOne(message.event, message.data);
      } catch (error) {
        console.error('an event could not be read', message.event, error);
        this.#askReload();
      }
    }
    this.#pace.ask();
  }

  #takeOne(event: string, data: string): void {
    switch (event) {
      case 'alarm':
        this.#alarmsChanged = this.#book.merge(JSON.parse(data) as Alarm) || this.#alarmsChanged;
        break;
      case 'current':
        this.#takeCurrent(JSON.parse(data) as Current[]);
        break;
      case 'gateway':
        this.#takeGateway(JSON.parse(data) as Gateway);
        break;
      case 'health':
        this.#takeHealth(JSON.parse(data) as Health);
        break;
      case 'reset':
        this.#askReload();
        break;
    }
  }

  /** Readings of the stream: the server sends them in order, so the last one stands. */
  #takeCurrent(samples: Current[]): void {
    for (const sample of samples) {
      const stranger = !this.#current.has(sample.id) && !this.#byId.has(sample.id);
      if (this.loaded && stranger) this.#askReload();
      this.#current.set(sample.id, sample);
      this.#fresh.add(sample.id);
      for (const listener of this.#listeners.get(sample.id) ?? []) listener(sample);
    }
    this.#valuesChanged = true;
  }

  /** A loaded list gives way to what the stream said meanwhile, and forgets what it lacks. */
  #takeSnapshot(samples: Current[]): void {
    const listed = new Set(samples.map((sample) => sample.id));
    for (const id of this.#current.keys()) {
      if (!listed.has(id) && !this.#fresh.has(id)) this.#current.delete(id);
    }
    for (const sample of samples) {
      if (!this.#fresh.has(sample.id)) this.#current.set(sample.id, sample);
    }
  }

  #takeGateway(gateway: Gateway): void {
    const same = (g: Gateway) =>
      g.enterprise === gateway.enterprise && g.gateway === gateway.gateway;
    const known = this.gateways.find(same);
    if (!known || known.points !== gateway.points) this.#askReload();
    this.gateways = known
      ? this.gateways.map((g) => (same(g) ? gateway : g))
      : [...this.gateways, gateway];
  }

  #takeHealth(health: Health): void {
    this.health = health;
    this.#offset = health.now - Date.now();
    this.now = health.now;
    this.heard = health.now;
  }

  /** Loads everything soon; many askings make one loading. */
  #askReload(): void {
    if (this.#reloadAsked) return;
    this.#reloadAsked = true;
    const wait = Math.max(0, this.#reloadAt + RELOAD_GAP_MS - Date.now());
    setTimeout(() => {
      this.#reloadAsked = false;
      this.#reloadAt = Date.now();
      if (this.link !== 'live') return; // the next connection loads everything anyway
      this.#load().catch((error) => console.warn('loading again failed', error));
    }, wait);
  }

  #draw(): void {
    if (this.#alarmsChanged) this.#drawAlarms();
    if (this.#valuesChanged) this.#values += 1;
    this.#valuesChanged = false;
  }

  #drawAlarms(): void {
    this.#alarmsChanged = false;
    this.alarms = {
      ...listed(this.#book.open(this.plant)),
      ended: this.#book.ended(this.plant),
      counts: this.#book.counts(this.plant),
      worst: this.#book.worstByPoint(),
      silent: this.#book.silentPoints(),
      cut: this.#book.cut,
      elsewhere: this.#book.unackedElsewhere(this.plant),
    };
  }
}

export const board = new Board();

/** How many of the alarms still wait for a person. */
export function unacked(alarms: readonly Alarm[]): number {
  return alarms.reduce((sum, alarm) => sum + (needsAck(alarm.state) ? 1 : 0), 0);
}
