import { defineConfig } from 'vitest/config';

// One after the other: each test has a desktop of its own, and this machine has few cores.
export default defineConfig({
  test: { include: ['tests/window/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 60_000, fileParallelism: false },
});
