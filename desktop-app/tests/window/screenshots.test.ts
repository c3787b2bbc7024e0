// Pictures of every screen on made-up data, for people to look at. They are written where `TIDINGS_SCREENSHOTS` says;
// without it the screens are only shown, which fails if one of them does not appear.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Driver } from './driver';
import { Desktop } from './rig';

const folder = process.env['TIDINGS_SCREENSHOTS'];
let desktop: Desktop;
let driver: Driver;

beforeAll(async () => {
  desktop = await Desktop.make();
  driver = await desktop.open('--mock-relay');
});

afterAll(() => desktop.close());

async function keep(name: string): Promise<void> {
  // Pictures come after what was drawn, and what was drawn after a turn of the page.
  await driver.runAsync('const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 150)))');
  const picture = await desktop.picture();
  expect(picture.length).toBeGreaterThan(8_000);
  if (!folder) return;
  const path = resolve(import.meta.dirname, '../../..', folder);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, `${name}.png`), picture);
}

const page = (query: string) => `tauri://localhost/index.html?mock&${query}`;

const WORDS = {
  en: { preferences: 'Preferences', choose: 'Choose', why: 'Why did I get this?', snooze: 'Snooze' },
  zh: { preferences: '偏好设置', choose: '选择', why: '为什么收到这条通知？', snooze: '推迟' },
};

for (const language of ['en', 'zh'] as const) {
  for (const theme of ['light', 'dark'] as const) {
    const words = WORDS[language];
    const look = `language=${language}&theme=${theme}`;
    const name = (screen: string) => `${screen}-${theme}-${language}`;

    test(`screens, ${theme}, ${language}`, async () => {
      await driver.goTo(page(look));
      await driver.shows('Backup finished');
      await keep(name('inbox'));
      await driver.run(`document.querySelectorAll('[role=row][id]')[1].click()`);
      await driver.find({ css: 'article h1' });
      await keep(name('detail'));
      await (await driver.find({ button: words.why })).click();
      await driver.find({ css: 'dialog[open]' });
      await keep(name('why'));
      await driver.goTo(page(look));
      await (await driver.find({ button: words.choose })).click();
      await driver.find({ css: 'main.consent' });
      await keep(name('consent'));
      await (await driver.find({ button: words.preferences })).click();
      await driver.find({ css: 'main.preferences' });
      await keep(name('preferences'));
      await driver.run(`document.querySelectorAll('main.preferences section')[2].scrollIntoView()`);
      await keep(name('preferences-more'));
      await driver.goTo(page(`${look}&first`));
      await driver.find({ css: 'main.connect' });
      await keep(name('connect'));
      await driver.goTo(page(`${look}&empty`));
      await driver.find({ css: '.state .big' });
      await keep(name('empty'));
      await driver.goTo(page(`${look}&state=offline`));
      await driver.find({ css: '.banner' });
      await keep(name('offline'));
      await driver.goTo(page(`${look}&state=waiting`));
      await driver.find({ css: '.waiting' });
      await new Promise((done) => setTimeout(done, 500));
      await keep(name('loading'));
      for (const state of ['failed', 'shut', 'signed_out']) {
        await driver.goTo(page(`${look}&state=${state}`));
        await driver.find({ css: state === 'failed' ? '[role=alert]' : '.banner.alarm' });
        await keep(name(state.replace('_', '-')));
      }
      await driver.goTo(page(look));
      await driver.shows('Backup finished');
      await driver.run(`document.querySelectorAll('[role=row][id] input[type=checkbox]').forEach((box, at) => at < 3 && box.click())`);
      await keep(name('selection'));
      await driver.press('?');
      await driver.find({ css: 'dialog[open]' });
      await keep(name('keys'));
    });
  }
}
