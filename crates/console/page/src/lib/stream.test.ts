import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LiveStream, PROBE_MS, QUIET_MS, SILENT_MS, type Link, type StreamHooks } from './stream';

let links: Link[];
let calls: number;
let feed: ReadableStreamDefaultController<Uint8Array>;
let stream: LiveStream;
let running: Promise<void>;

/** A server that accepts the stream; `status` other than 200 refuses it. */
function serve(status = 200): void {
  vi.stubGlobal('fetch', async (_: string, init: RequestInit) => {
    calls += 1;
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (feed = controller) });
    init.signal?.addEventListener('abort', () => {
      try {
        feed.error(new Error('aborted'));
      } catch {
        // Already ended by the test.
      }
    });
    return new Response(body, { status });
  });
}

function begin(more: Partial<StreamHooks> = {}): string[] {
  const heard: string[] = [];
  stream = new LiveStream('stream', {
    onOpen: async () => {},
    onMessages: (messages) => heard.push(...messages.map((message) => message.event)),
    onLink: (link) => links.push(link),
    probe: async () => {},
    ...more,
  });
  running = stream.run();
  return heard;
}

const say = (text: string) => feed.enqueue(new TextEncoder().encode(text));
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, 'info').mockImplementation(() => {});
  links = [];
  calls = 0;
  serve();
});

afterEach(async () => {
  stream.stop();
  await pass(1);
  await running;
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test('is live once everything is loaded, and hands on what it hears', async () => {
  const heard = begin();
  await pass(0);
  expect(links).toEqual(['live']);
  say('event: alarm\ndata: {}\n\n');
  await pass(0);
  expect(heard).toEqual(['alarm']);
});

test('a probe that fails ends the link at once, and it is opened again', async () => {
  begin({ probe: () => Promise.reject(new Error('refused')) });
  await pass(QUIET_MS + 2000);
  expect(links[1]).toBe('lost');
  await pass(PROBE_MS);
  expect(calls).toBe(2);
});

test('signs of life keep it open', async () => {
  begin({ probe: () => Promise.reject(new Error('not needed')) });
  await pass(0);
  for (let n = 0; n < 20; n += 1) {
    say(': alive\n\n');
    await pass(QUIET_MS - 1000);
  }
  expect(links).toEqual(['live']);
});

test('a silent stream is opened anew even if the server answers probes', async () => {
  begin();
  await pass(SILENT_MS + 2000);
  expect(links[1]).toBe('lost');
  await pass(2000);
  expect(calls).toBe(2);
});

test('is not live while loading fails', async () => {
  begin({ onOpen: () => Promise.reject(new Error('500')) });
  await pass(5000);
  expect(links).not.toContain('live');
  expect(calls).toBeGreaterThan(2);
});

test('a server that refuses is asked again at growing distances', async () => {
  serve(503);
  begin();
  await pass(60_000);
  expect(links.every((link) => link === 'lost')).toBe(true);
  expect(calls).toBeGreaterThan(5);
  expect(calls).toBeLessThan(20);
});
