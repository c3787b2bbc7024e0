// Two computers of one person, and time that passes: what is done on one is the same on the other, and a sign-in lasts.

import { afterEach, expect, test } from 'vitest';
import { alike } from './alike';
import { DOCUMENT, signIn } from './person';
import { Desktop } from './rig';

const desktops: Desktop[] = [];

afterEach(async () => {
  for (const desktop of desktops.splice(0).reverse()) await desktop.close();
});

async function made(): Promise<Desktop> {
  const desktop = await Desktop.make();
  desktops.push(desktop);
  return desktop;
}

test('read, snooze and pause are the same on both computers', async () => {
  const [one, two] = [await made(), await made()];
  const relay = await one.relay();
  await relay.call('PUT', '/v1/configuration', DOCUMENT);
  const drivers = [await one.open(), await two.open()] as const;
  for (const driver of drivers) await signIn(driver, relay, 'alice');
  // It waits for far longer than a second; how long it took is for docs/benchmarks.md.
  console.log(`the same on the other computer after: ${JSON.stringify(await alike(relay, 'alice', ...drivers))}`);
});

test('the app still receives after three lives of its access token, and after a restart', async () => {
  const desktop = await made();
  const lasts = 5_000;
  const relay = await desktop.relay(null, '--access-token', `${lasts / 1_000}s`);
  await relay.call('PUT', '/v1/configuration', DOCUMENT);
  let driver = await desktop.open();
  await signIn(driver, relay, 'alice');
  const signedIn = Date.now();
  for (let number = 1; Date.now() < signedIn + 3 * lasts + 500; number += 1) {
    await relay.tell('alice', { title: `Notification ${number}` });
    await driver.shows(`Notification ${number}`);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  // Each token was renewed in its time: the relay never had to send the device away.
  const told = await fetch(`${relay.address}/metrics`, { headers: { authorization: `Basic ${Buffer.from(`:${relay.key}`).toString('base64')}` } });
  expect(await told.text()).not.toContain('code="token_expired"');
  await desktop.quit();
  // While it is closed the last token runs out, and something comes.
  await new Promise((resolve) => setTimeout(resolve, lasts));
  await relay.tell('alice', { title: 'Came meanwhile' });
  driver = await desktop.open();
  await driver.shows('Came meanwhile');
  await relay.tell('alice', { title: 'And after' });
  await driver.shows('And after');
});
