/** The server's HTTP API, typed. Every call has a deadline; every failure says why in words. */

import type { Deed } from './acts';
import type { OfferDeed } from './offer';
import type {
  Alarm,
  Booking,
  Coverage,
  CoverageBy,
  CustodyAnswer,
  Current,
  Gateway,
  Health,
  Point,
  RangeAnswer,
  Silence,
  StoryStep,
  Words,
} from './types';
import type { WindowDeed } from './windows';
import { fill, words, type Key } from './words';

const BASE = 'api/v1';
const DEADLINE_MS = 15_000;
/** Alarms that are not over, asked for at once. */
export const OPEN_LIMIT = 2000;
const ENDED_LIMIT = 200;
/** Steps of a trend; about one per two pixels of a wide screen. */
const TREND_STEPS = 1000;

export const STREAM_URL = `${BASE}/stream`;

/** What an act did: its events, and of many those that were left as they are. */
export interface Acted {
  events: Alarm[];
  refused: { occurrence: string; code: string; message: Words }[];
}

export class ApiError extends Error {
  constructor(
    readonly code: string,
    readonly text: Words,
  ) {
    super(`${code}: ${text.en}`);
  }
}

function own(key: Key, values?: Record<string, string | number>): Words {
  return { zh: fill(words.zh[key], values), en: fill(words.en[key], values) };
}

/** What went wrong, in words for people. */
export function whyOf(error: unknown): Words {
  if (error instanceof ApiError) return error.text;
  const late = error instanceof DOMException && error.name === 'TimeoutError';
  return own(late ? 'error_timeout' : 'error_network');
}

async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  const signal = init.signal ? AbortSignal.any([init.signal, deadline]) : deadline;
  const response = await fetch(`${BASE}/${path}`, { cache: 'no-store', ...init, signal });
  if (!response.ok) throw await refusal(response);
  return (await response.json()) as T;
}

async function refusal(response: Response): Promise<ApiError> {
  const plain = new ApiError('http', own('error_answer', { status: response.status }));
  try {
    const body = (await response.json()) as { code?: unknown; message?: Partial<Words> };
    const { zh, en } = body.message ?? {};
    if (typeof body.code !== 'string' || typeof zh !== 'string' || typeof en !== 'string') {
      return plain;
    }
    return new ApiError(body.code, { zh, en });
  } catch {
    return plain;
  }
}

const withSignal = (signal?: AbortSignal): RequestInit => (signal ? { signal } : {});

export const api = {
  health: (signal?: AbortSignal) => ask<Health>('health', withSignal(signal)),
  gateways: (signal?: AbortSignal) => ask<Gateway[]>('gateways', withSignal(signal)),
  points: (signal?: AbortSignal) => ask<Point[]>('points', withSignal(signal)),
  current: (signal?: AbortSignal) => ask<Current[]>('current', withSignal(signal)),
  open: (signal?: AbortSignal) =>
    ask<Alarm[]>(`alarms?state=open&limit=${OPEN_LIMIT}`, withSignal(signal)),
  ended: (signal?: AbortSignal) =>
    ask<Alarm[]>(`alarms?state=ended&limit=${ENDED_LIMIT}`, withSignal(signal)),
  range: (point: string, from: number, to: number, signal?: AbortSignal) => {
    const query = new URLSearchParams({
      point,
      from: String(Math.round(from)),
      to: String(Math.round(to)),
      max: String(TREND_STEPS),
    });
    return ask<RangeAnswer>(`range?${query}`, withSignal(signal));
  },
  bookings: () => ask<Booking[]>('bookings'),
  silences: () => ask<Silence[]>('silences'),
  coverage: (by: CoverageBy) => ask<Coverage>(`coverage?by=${by}`),
  /** What became of a gateway's reads: one page of its points, those after `after`. */
  custody: (gateway: string, span: { from: number; to: number }, after: string, signal: AbortSignal) => {
    const query = new URLSearchParams({ gateway, from: String(span.from), to: String(span.to) });
    if (after !== '') query.set('after', after);
    return ask<CustodyAnswer>(`custody?${query}`, { signal });
  },
  /** An occurrence's life as the journal has it. */
  story: async (occurrence: string): Promise<StoryStep[]> => {
    const query = new URLSearchParams({ occurrence });
    const told = await ask<{ occurrence: { events: StoryStep[] } }>(`explain?${query}`);
    return told.occurrence.events;
  },
  act: (act: { by: string; comment: string; deed: Deed | WindowDeed | OfferDeed }) =>
    ask<Acted>('acts', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(act),
    }),
};
