/**
 * The account of the chosen gateway and day, page by page from the server. Today's is renewed
 * every minute, as far back as something is under way, and now and then as a whole; so is a day
 * that is over while something of it is under way. What was read stays shown while it is renewed, and when that fails.
 */

import { api, whyOf } from './api';
import { changesFrom, dayOf, renewed, type Day } from './custody';
import { DAY_MS } from './day';
import type { CustodyAnswer, Words } from './types';

export const RENEW_MS = 60_000;
/** After a failure: soon, but never so soon that a busy server gets no rest. */
const RETRY_MS = 15_000;
/** What else changes in older hours, such as data that came again, is seen within this time. */
const WHOLE_MS = 10 * RENEW_MS;

export class Ledger {
  day = $state.raw<Day | null>(null);
  /** Points that have come of a day that is being read for the first time. */
  reading = $state(0);
  /** When the shown account was read, by the server's clock. */
  readAt = $state(0);
  /** Why it could not be read last time. */
  failed = $state.raw<Words | null>(null);
  #wholeAt = 0;
  /** Until then anything may come, also to hours that looked settled. */
  #expectUntil = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #leave = new AbortController();

  constructor(
    private readonly gateway: string,
    private readonly start: number,
    private readonly now: () => number,
  ) {}

  /** Begins to read; the answer ends it. */
  open(): () => void {
    void this.#round();
    return () => {
      this.#leave.abort();
      clearTimeout(this.#timer);
    };
  }

  /** Reads everything anew, at once. */
  again(): void {
    this.#wholeAt = 0;
    clearTimeout(this.#timer);
    this.#leave.abort();
    this.#leave = new AbortController();
    void this.#round();
  }

  /** A period was asked for again: for a while everything is read anew, also a day that is over. */
  expect(): void {
    this.#expectUntil = this.now() + WHOLE_MS;
    this.#later(RETRY_MS);
  }

  async #round(): Promise<void> {
    const { signal } = this.#leave;
    const at = this.now();
    try {
      this.day = await this.#read(at, signal);
      this.readAt = at;
      this.failed = null;
    } catch (error) {
      if (signal.aborted) return;
      this.failed = whyOf(error);
    }
    if (signal.aborted) return;
    this.reading = 0;
    if (this.failed !== null) this.#later(RETRY_MS);
    else if (this.#mayChange(at)) this.#later(RENEW_MS);
  }

  #mayChange(at: number): boolean {
    const from = this.day === null ? this.start : changesFrom(this.day, at);
    return at < this.#expectUntil || from < this.start + DAY_MS;
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // A page that nobody sees asks for nothing; it is renewed when it is seen again.
      if (document.hidden) this.#later(RETRY_MS);
      else void this.#round();
    }, ms);
  }

  async #read(at: number, signal: AbortSignal): Promise<Day> {
    const whole = at - this.#wholeAt >= WHOLE_MS || at < this.#expectUntil;
    if (!whole && this.day !== null) {
      const from = changesFrom(this.day, at);
      if (from >= this.start + DAY_MS) return this.day;
      const day = renewed(this.day, from, await this.#pages(from, signal));
      if (day !== null) return day;
    }
    const day = await this.#pages(this.start, signal);
    this.#wholeAt = at;
    return day;
  }

  async #pages(from: number, signal: AbortSignal): Promise<Day> {
    const span = { from, to: this.start + DAY_MS };
    const answers: CustodyAnswer[] = [];
    let after = '';
    for (;;) {
      const answer = await api.custody(this.gateway, span, after, signal);
      signal.throwIfAborted();
      answers.push(answer);
      this.reading = answers.reduce((sum, { points }) => sum + points.length, 0);
      const { next } = answer;
      if (next === undefined) return dayOf(this.start, answers);
      // Else it would ask for the same points for ever, or leave some out.
      if (next === after) throw new Error('pages of custody do not go on');
      after = next;
    }
  }
}
