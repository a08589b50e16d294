/**
 * The live connection: opens the event stream, watches that it is alive, opens it again.
 *
 * The page says "live" only while bytes arrive or the server answers a probe: a broken link that
 * nobody closed is found within QUIET_MS + PROBE_MS. Events missed between two connections are
 * not asked for again; `onOpen` loads everything anew instead, after the stream is open, so that
 * nothing falls between the two.
 */

import { SseParser, type Message } from './sse';

/** After so long without a byte the server is probed. */
export const QUIET_MS = 8_000;
/** A probe must answer within this time. */
export const PROBE_MS = 3_000;
/** After so long without a byte the stream is opened anew, probe or not. */
export const SILENT_MS = 30_000;
const CHECK_MS = 1_000;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 8_000;
/** A connection that lived so long starts the waiting times from the beginning. */
const STEADY_MS = 10_000;

export type Link = 'connecting' | 'live' | 'lost';

export interface StreamHooks {
  /** Loads everything; the stream counts as live once it is done. */
  onOpen(signal: AbortSignal): Promise<void>;
  onMessages(messages: Message[]): void;
  onLink(link: Link): void;
  /** Resolves when the server answers at all. */
  probe(signal: AbortSignal): Promise<unknown>;
}

export class LiveStream {
  readonly #stop = new AbortController();
  #heard = 0;

  constructor(
    private readonly url: string,
    private readonly hooks: StreamHooks,
  ) {}

  stop(): void {
    this.#stop.abort();
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    let wait = RETRY_FIRST_MS;
    while (!this.#stop.signal.aborted) {
      const began = Date.now();
      try {
        await this.#once();
      } catch (error) {
        if (!this.#stop.signal.aborted) console.info('event stream ended', error);
      }
      if (this.#stop.signal.aborted) return;
      this.hooks.onLink('lost');
      if (Date.now() - began > STEADY_MS) wait = RETRY_FIRST_MS;
      await this.#pause(wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, RETRY_MAX_MS);
    }
  }

  async #once(): Promise<void> {
    const connection = new AbortController();
    const end = () => connection.abort();
    this.#stop.signal.addEventListener('abort', end);
    this.#heard = Date.now();
    const watch = setInterval(() => this.#check(connection), CHECK_MS);
    try {
      const response = await fetch(this.url, {
        headers: { Accept: 'text/event-stream' },
        cache: 'no-store',
        signal: connection.signal,
      });
      if (!response.ok || !response.body) throw new Error(`stream answered ${response.status}`);
      const opened = this.hooks.onOpen(connection.signal).then(() => this.hooks.onLink('live'));
      await Promise.all([opened, this.#read(response.body)]);
    } finally {
      clearInterval(watch);
      this.#stop.signal.removeEventListener('abort', end);
      connection.abort();
    }
  }

  /** Reads to the end; the end of a live stream is always an error. */
  async #read(body: ReadableStream<Uint8Array>): Promise<never> {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const parser = new SseParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error('the server closed the stream');
      this.#heard = Date.now();
      const messages = parser.push(decoder.decode(value, { stream: true }));
      if (messages.length > 0) this.hooks.onMessages(messages);
    }
  }

  #probing = false;

  #check(connection: AbortController): void {
    const quiet = Date.now() - this.#heard;
    if (quiet > SILENT_MS) return connection.abort();
    if (quiet <= QUIET_MS || this.#probing) return;
    this.#probing = true;
    this.hooks
      .probe(AbortSignal.any([connection.signal, AbortSignal.timeout(PROBE_MS)]))
      .catch(() => connection.abort())
      .finally(() => (this.#probing = false));
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#stop;
    return new Promise((done) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        done();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
    });
  }
}
