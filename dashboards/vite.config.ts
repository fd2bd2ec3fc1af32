// How the dashboards are built, and served while they are written.
import react from '@vitejs/plugin-react';
import {defineConfig} from 'vite';

// RONDO_HTTP names a running `rondo serve` for `npx vite`.
export default defineConfig({
  plugins: [react()],
  build: {chunkSizeWarningLimit: 1500},
  server: {proxy: {'/api': `http://${process.env['RONDO_HTTP'] ?? '127.0.0.1:8080'}`}},
});
