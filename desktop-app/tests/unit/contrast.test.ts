// The colours that stand on each other, by WCAG 2.2: 4.5 for text, 3 for what marks a control.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const css = readFileSync(join(import.meta.dirname, '../../src/app.css'), 'utf8');

function colours(selector: string): Record<string, string> {
  const block = css.slice(css.indexOf(`${selector} {`));
  const named = block.slice(0, block.indexOf('}')).matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g);
  return Object.fromEntries([...named].map(([, name, value]) => [name ?? '', value ?? '']));
}

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0);
}

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
}

const TEXT: [string, string[]][] = [
  ['ink', ['paper', 'sheet', 'sunk', 'tide-wash', 'signal-wash', 'alarm-wash']],
  ['ink-soft', ['paper', 'sheet', 'sunk', 'tide-wash']],
  ['tide', ['paper', 'sheet', 'tide-wash', 'sunk']],
  ['tide-ink', ['tide']],
  ['signal', ['signal-wash']],
  ['alarm', ['sheet', 'alarm-wash']],
  ['good', ['sheet']],
];

describe.each([
  ['light', ':root'],
  ['dark', ":root[data-theme='dark']"],
])('in %s', (_, selector) => {
  const known = colours(selector);

  test.each(TEXT)('%s can be read', (name, grounds) => {
    for (const ground of grounds) {
      expect(contrast(known[name]!, known[ground]!), `${name} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
  });

  test.each(['sheet', 'paper'])('the edge of a control is seen on %s', (ground) => {
    expect(contrast(known['line-strong']!, known[ground]!)).toBeGreaterThanOrEqual(3);
    expect(contrast(known['tide']!, known[ground]!)).toBeGreaterThanOrEqual(3);
  });
});
