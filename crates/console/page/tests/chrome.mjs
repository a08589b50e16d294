// Debian's Chromium under playwright-core, with an empty profile that is removed afterwards.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const PATH = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

/** Opens a browser window of a size; `close` ends it and removes its profile. */
export async function openChrome({ width = 1920, height = 1080, lang } = {}) {
  const profile = await mkdtemp(join(tmpdir(), 'fenghuo-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: PATH, headless: true, args: FLAGS, viewport: { width, height },
  });
  if (lang) {
    await context.addInitScript((chosen) => localStorage.setItem('fenghuo.lang', chosen), lang);
  }
  return {
    context,
    page: context.pages()[0] ?? (await context.newPage()),
    close: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
