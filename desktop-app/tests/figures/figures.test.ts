// The figures of docs/benchmarks.md that concern the desktop app: `npm run figures`, on the release binary. They are
// printed, and fail only where something that is measured does not happen.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { eventually } from '../window/driver';
import { Desktop, type Relay } from '../window/rig';

const DOCUMENT = `
tidings: 1
project: {name: figures, locale: en, time_zone: Etc/UTC, unknown_recipient: create}
policy: {version: "1", text: {en: "We write rarely"}}
categories:
  general: {name: {en: General}, legal: service, priority: normal, channels: [inapp]}
rules:
  ping: {on: ping, notify: data.who, category: general, template: ping}
templates:
  ping: {en: {title: "Ping {{ data.number }}", body: "The same body for everybody, of a length that is usual"}}
`;
const ITEMS = 100_000;
/** In the oldest of all titles, and in no other. */
const NEEDLE = 'needle';

const figures: [string, string][] = [];
const told = (what: string, value: string) => figures.push([what, value]);

/** A process with all that it started. */
function tree(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(tree)];
}

function pssMb(pid: number): number {
  const kib = tree(pid).map((id) => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, 'utf8'))?.[1] ?? 0));
  return (kib.reduce((sum, one) => sum + one, 0) * 1_024) / 1_000_000;
}

/** The processor time of a process tree, in seconds. */
function cpuSeconds(pid: number): number {
  const ticks = tree(pid).map((id) => {
    const fields = readFileSync(`/proc/${id}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, one) => sum + one, 0) / 100;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function fill(relay: Relay): Promise<void> {
  for (let from = 0; from < ITEMS; from += 1_000) {
    const events = Array.from({ length: 1_000 }, (_, at) => ({ type: 'ping', data: { who: 'alice', number: from + at === 0 ? NEEDLE : from + at } }));
    await relay.call('POST', '/v1/events?verdicts=none', events);
  }
}

/** By the clock that relay and device share: the first line of the story, and the receipt. */
async function popupMedian(relay: Relay): Promise<number> {
  const times: number[] = [];
  for (let number = 0; number < 40; number += 1) {
    const id = await relay.tell('alice', { title: `Popup ${number}` });
    const displayed = await eventually('it is displayed', async () => {
      const { timeline } = (await relay.call('GET', `/v1/notifications/${id}`)) as { timeline: { at: string; receipt?: string }[] };
      const receipt = timeline.find((line) => line.receipt === 'displayed');
      return receipt && timeline[0] ? Date.parse(receipt.at) - Date.parse(timeline[0].at) : undefined;
    });
    times.push(displayed);
  }
  return times.sort((a, b) => a - b)[20] ?? 0;
}

test('figures', { timeout: 900_000 }, async () => {
  const desktop = await Desktop.make({ dunst: true });
  try {
    const relay = await desktop.relay();
    await relay.call('PUT', '/v1/configuration', DOCUMENT);
    await fill(relay);
    let driver = await desktop.open();
    await (await driver.find({ css: '#link' })).type(await relay.link('alice'));
    await (await driver.find({ button: 'Connect' })).click();
    let began = Date.now();
    await (await driver.find({ button: 'Keep the key in a file' })).click();
    const whole = async () => ((await driver.bodyText()).includes(ITEMS.toLocaleString('en')) ? true : undefined);
    await eventually('everything is here', whole, 300_000);
    told(`first sync of ${ITEMS.toLocaleString('en')} items`, `${Date.now() - began} ms`);
    const searched = await driver.runAsync<number>(
      `const [needle, done] = arguments; const field = document.querySelector('[type=search]'); const began = performance.now();
       field.value = needle; field.dispatchEvent(new Event('input', { bubbles: true }));
       const look = () => [...document.querySelectorAll('.title')].some((title) => title.textContent === 'Ping ' + needle) ? done(performance.now() - began) : setTimeout(look, 5); look();`,
      NEEDLE,
    );
    await driver.run(`document.querySelector('[type=search]').value = ''; document.querySelector('[type=search]').dispatchEvent(new Event('input', { bubbles: true }))`);
    told(`search that looks through ${ITEMS.toLocaleString('en')} items, typing pause included`, `${Math.round(searched)} ms`);
    told('from the decision to the popup that the daemon took: median of 40', `${await popupMedian(relay)} ms`);
    await driver.end();
    await desktop.stop('WebKitWebDriver');

    // A start as a person makes it; the page says on its own when the first row is painted.
    const app = desktop.start(desktop.app, ['--hidden']);
    const pid = app.pid ?? 0;
    await pause(4_000);
    told('in the tray, hidden start: memory (PSS)', `${pssMb(pid).toFixed(1)} MB`);
    const cpu = cpuSeconds(pid);
    await pause(60_000);
    told('in the tray: processor time over 60 s', `${(((cpuSeconds(pid) - cpu) / 60) * 100).toFixed(2)} % of a core`);
    began = Date.now();
    await desktop.run(desktop.app, []);
    await eventually('a window', async () => ((await desktop.run('xdotool', ['search', '--onlyvisible', '--name', '^Tidings$'])) ? true : undefined));
    told('a second start until the window is there', `${Date.now() - began} ms`);
    await pause(4_000);
    told(`window open with ${ITEMS.toLocaleString('en')} items: memory (PSS)`, `${pssMb(pid).toFixed(1)} MB`);
    await desktop.stop(desktop.app);

    began = Date.now();
    driver = await desktop.open();
    await driver.find({ css: '[role=row][id]' });
    told(`launch until the inbox of ${ITEMS.toLocaleString('en')} items is usable, driver included`, `${Date.now() - began} ms`);
    expect(await driver.bodyText()).toContain('Popup 39');
  } finally {
    await desktop.close();
    console.log(['', '| figure | value |', '|---|---|', ...figures.map(([what, value]) => `| ${what} | ${value} |`), ''].join('\n'));
  }
});
