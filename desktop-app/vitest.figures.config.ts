import { defineConfig } from 'vitest/config';

export default defineConfig({ test: { include: ['tests/figures/**/*.test.ts'], fileParallelism: false } });
