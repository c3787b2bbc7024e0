// The real window with a real relay, and dunst for the popups.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually, type Driver } from './driver';
import { DOCUMENT, has, row, shelf, signIn } from './person';
import { Desktop, type Relay } from './rig';

let desktop: Desktop;
let relay: Relay;
let driver: Driver;

beforeEach(async () => {
  desktop = await Desktop.make({ dunst: true });
  relay = await desktop.relay();
  await relay.call('PUT', '/v1/configuration', DOCUMENT);
});

afterEach(() => desktop.close());

const popups = async () => Number(await desktop.run('dunstctl', ['count', 'displayed']));

const click = async (title: string) => (await driver.find(row(title))).click();

test('a first run: the inbox, a popup, a click on it, consent', async () => {
  driver = await desktop.open();
  await signIn(driver, relay, 'alice');
  await driver.shows('1 category waits for your choice');
  const id = await relay.tell('alice', { title: 'Tea is ready', body: 'In the kitchen' });
  await driver.shows('Tea is ready');
  await eventually('a popup', async () => ((await popups()) === 1 ? true : undefined));
  await has(relay, id, 'displayed');
  await desktop.run('dunstctl', ['action', '0']);
  await driver.find({ xpath: '//article//h1[text()="Tea is ready"]' });
  await has(relay, id, 'clicked');
  await has(relay, id, 'read');
  await (await driver.find({ button: 'Choose' })).click();
  await (await driver.find({ button: 'No, thanks' })).click();
  await driver.shows('You said no');
  const ledger = await eventually('the ledger', async () => {
    const text = JSON.stringify(await relay.call('GET', '/v1/recipients/alice/consent'));
    return text.includes('refused') ? text : undefined;
  });
  expect(ledger).toContain('We write rarely');
});

test('an action, a snooze, an archive and an undo', async () => {
  driver = await desktop.open();
  await signIn(driver, relay, 'alice');
  const id = await relay.tell('alice', { title: 'Parcel', actions: [{ id: 'track', label: 'Track' }] });
  await relay.tell('alice', { title: 'Other' });
  await driver.shows('Other');
  await click('Parcel');
  await (await driver.find({ button: 'Track' })).click();
  await has(relay, id, 'acted');
  await driver.press('s');
  await (await driver.find({ xpath: '//dialog//button[contains(., "Tomorrow")]' })).click();
  await driver.find({ button: 'Undo' });
  await (await driver.find(shelf('Snoozed'))).click();
  await driver.find(row('Parcel'));
  await (await driver.find(shelf('Inbox'))).click();
  await click('Other');
  await driver.press('e');
  await driver.shows('All quiet');
  await driver.press('z');
  await driver.find(row('Other'));
});

test('a relay that goes is said, what is done meanwhile waits, and it comes back', async () => {
  driver = await desktop.open();
  await signIn(driver, relay, 'alice');
  const id = await relay.tell('alice', { title: 'Before' });
  await driver.shows('Before');
  await relay.stop();
  await driver.shows('You are offline');
  await click('Before');
  await driver.shows('1 change waits to be sent');
  relay = await desktop.relay(relay);
  await (await driver.find({ button: 'Try now' })).click();
  await driver.showsNot('You are offline');
  await has(relay, id, 'read');
  await relay.tell('alice', { title: 'After' });
  await driver.shows('After');
});

test('what a sender writes runs nothing', async () => {
  driver = await desktop.open();
  await signIn(driver, relay, 'alice');
  const title = '<img src=x onerror="document.title=1"><script>document.title=1</script>';
  await relay.tell('alice', { title, body: title });
  await driver.shows('<img src=x');
  await (await driver.find({ css: '[role=row][id]' })).click();
  await driver.find({ css: 'article .body' });
  expect(await driver.run('return document.querySelectorAll("article img, article script, [role=row] img").length')).toBe(0);
  expect(await driver.run('return document.title')).toBe('Tidings');
});

test('the page may load nothing from elsewhere and go nowhere', async () => {
  driver = await desktop.open();
  await driver.find({ css: '#link' });
  const blocked = await driver.runAsync(
    `const done = arguments[0]; fetch('${relay.address}/healthz').then(() => done(false), () => done(true));`,
  );
  expect(blocked).toBe(true);
  await driver.run(`location.href = '${relay.address}/'`);
  expect(await driver.run('return location.protocol')).toBe('tauri:');
  expect(await driver.run('try { return eval("1") } catch { return "refused" }')).toBe('refused');
});

test('without a notification daemon a test says which step failed', async () => {
  await desktop.stop('dunst');
  driver = await desktop.open();
  await signIn(driver, relay, 'alice');
  await (await driver.find(shelf('Preferences'))).click();
  await (await driver.find({ button: 'Send me a test' })).click();
  await driver.shows('notification service did not take it');
});

test('two accounts, a restart, and a second start', async () => {
  driver = await desktop.open();
  await signIn(driver, relay, 'alice');
  await (await driver.find(shelf('Add an account'))).click();
  await signIn(driver, relay, 'bob');
  await relay.tell('bob', { title: 'For Bob' });
  await driver.shows('For Bob');
  await desktop.quit();
  driver = await desktop.open();
  await driver.find({ xpath: '//nav//bdi[text()="bob"]' });
  await (await driver.find({ xpath: '//nav//button[.//bdi[text()="bob"]]' })).click();
  await driver.shows('For Bob');
  // Another start hands its link over and ends.
  await desktop.run(desktop.app, [await relay.link('carol')]);
  await driver.shows('A link wants to connect this app to');
  expect(existsSync(join(desktop.data, 'accounts.json'))).toBe(true);
});

test('a damaged list of accounts is set aside', async () => {
  driver = await desktop.open();
  await signIn(driver, relay, 'alice');
  await desktop.quit();
  const file = join(desktop.data, 'accounts.json');
  writeFileSync(file, '{');
  driver = await desktop.open();
  await driver.find({ css: '#link' });
  expect(readFileSync(file.replace('.json', '.damaged'), 'utf8')).toBe('{');
});
