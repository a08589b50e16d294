import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// The server that `npm run dev` forwards to; the built page is served by it directly.
const api = process.env.FENGHUO_API ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte()],
  // Relative, so that the page also works under a reverse proxy's sub-path.
  base: './',
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { host: '127.0.0.1', proxy: { '/api': api } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
