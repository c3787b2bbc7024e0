// The desktop around the app: its keychain, its sign-in, its links, its disk, a relay that offers another version.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { eventually } from './driver';
import { DOCUMENT, row, shelf, signIn } from './person';
import { Desktop, type Relay } from './rig';

let desktop: Desktop;

afterEach(() => desktop.close());

async function relayOf(desktop: Desktop, ...args: string[]): Promise<Relay> {
  const relay = await desktop.relay(null, ...args);
  await relay.call('PUT', '/v1/configuration', DOCUMENT);
  return relay;
}

const files = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

test('the key is kept by the system’s keychain; without it the inbox stays shut and says so', async () => {
  desktop = await Desktop.make({ keyring: true });
  const relay = await relayOf(desktop);
  let driver = await desktop.open();
  await signIn(driver, relay, 'alice', true);
  await relay.tell('alice', { title: 'Sealed' });
  await driver.shows('Sealed');
  const account = files(join(desktop.data, 'accounts'))[0] ?? '';
  expect(files(join(desktop.data, 'accounts', account))).not.toContain('key');
  expect(files(join(desktop.home, 'data/keyrings'))).toContain('login.keyring');

  await desktop.quit();
  driver = await desktop.open();
  await driver.shows('Sealed');

  await desktop.quit();
  await desktop.stop('gnome-keyring-daemon');
  driver = await desktop.open();
  await driver.shows('The keychain is locked or missing');
  // The bus has started the service by itself, locked. Its owner unlocks it.
  const bus = (method: string, name: string) => desktop.run('gdbus', ['call', '--session', '--dest', 'org.freedesktop.DBus', '--object-path', '/org/freedesktop/DBus', '--method', `org.freedesktop.DBus.${method}`, name]);
  const locked = /uint32 (\d+)/.exec(await bus('GetConnectionUnixProcessID', 'org.freedesktop.secrets'))?.[1];
  if (locked) process.kill(Number(locked));
  await eventually('the locked service is gone', async () => ((await bus('NameHasOwner', 'org.freedesktop.secrets')).includes('false') ? true : undefined));
  desktop.keyring();
  await eventually('the inbox opens again', async () => {
    if ((await driver.bodyText()).includes('Sealed')) return true;
    await driver.run(`[...document.querySelectorAll('.banner button')].forEach((button) => button.click())`);
    return undefined;
  });

  // What leaves this computer leaves the keychain too.
  await (await driver.find(shelf('Preferences'))).click();
  await (await driver.find({ button: 'Sign out' })).click();
  await (await driver.find({ button: 'Sign out and delete it here' })).click();
  await driver.find({ css: '#link' });
  const items = () => desktop.run('gdbus', ['call', '--session', '--dest', 'org.freedesktop.secrets', '--object-path', '/org/freedesktop/secrets', '--method', 'org.freedesktop.Secret.Service.SearchItems', `{'username': '${account}'}`]);
  await eventually('the secret is gone', async () => ((await items()).includes('/org/freedesktop/secrets/collection') ? undefined : true));
});

test('starting with the session is a file that comes and goes', async () => {
  desktop = await Desktop.make();
  const relay = await relayOf(desktop);
  const driver = await desktop.open();
  await signIn(driver, relay, 'alice');
  await (await driver.find(shelf('Preferences'))).click();
  const flip = { xpath: '//label[contains(., "Start when I sign in to this computer")]' };
  const folder = join(desktop.config, 'autostart');
  await (await driver.find(flip)).click();
  const entry = await eventually('a desktop file', async () => files(folder).find((name) => name.endsWith('.desktop')));
  const text = readFileSync(join(folder, entry), 'utf8');
  expect(text).toContain(`Exec=${desktop.app} --hidden`);
  await (await driver.find(flip)).click();
  await eventually('no desktop file', async () => (files(folder).length === 0 ? true : undefined));
});

test('a link that the system opens reaches the app that runs', async () => {
  desktop = await Desktop.make();
  const relay = await relayOf(desktop);
  // What the package installs, in a home of its own.
  const template = readFileSync(resolve(import.meta.dirname, '../../src-tauri/linux/tidings-desktop.desktop'), 'utf8');
  const entry = template.replaceAll('{{exec}}', desktop.app).replaceAll('{{icon}}', 'tidings-desktop').replaceAll('{{comment}}', 'Notifications');
  mkdirSync(join(desktop.home, 'data/applications'), { recursive: true });
  writeFileSync(join(desktop.home, 'data/applications/tidings-desktop.desktop'), entry);
  mkdirSync(desktop.config, { recursive: true });
  await desktop.run('xdg-mime', ['default', 'tidings-desktop.desktop', 'x-scheme-handler/tidings']);
  const driver = await desktop.open();
  await driver.find({ css: '#link' });
  await desktop.run('xdg-open', [await relay.link('alice')]);
  await driver.shows(`A link wants to connect this app to ${relay.address}.`);
  await (await driver.find({ button: 'Connect' })).click();
  await (await driver.find({ button: 'Keep the key in a file' })).click();
  await driver.find({ xpath: '//nav//bdi[text()="alice"]' });
});

test('a full disk is told, nothing is lost, and it goes on when there is room', async () => {
  desktop = await Desktop.make();
  const relay = await relayOf(desktop);
  const driver = await desktop.openOnSmallDisk(6);
  await signIn(driver, relay, 'alice');
  await relay.tell('alice', { title: 'Before' });
  await driver.shows('Before');
  const filler = join(desktop.smallDisk(), 'filler');
  const fill = (): void => {
    for (const size of [1 << 20, 1 << 12]) {
      try {
        for (;;) writeFileSync(filler, Buffer.alloc(size, 7), { flag: 'a' });
      } catch {
        // No room for a piece of this size.
      }
    }
  };
  fill();
  await relay.tell('alice', { title: 'Too much', body: 'x'.repeat(4_000) });
  await relay.tell('alice', { title: 'For this disk', body: 'y'.repeat(4_000) });
  await eventually('a click that cannot be kept is told', async () => {
    fill();
    await (await driver.find(row('Before'))).click();
    await driver.press('u');
    return (await driver.bodyText()).includes('The disk is full') ? true : undefined;
  });
  rmSync(filler);
  await driver.shows('For this disk');
  await driver.showsNot('The inbox on this computer cannot be used');
  const id = await relay.tell('alice', { title: 'After' });
  await (await driver.find(row('After'))).click();
  await eventually('it is read at the relay', async () => {
    const story = JSON.stringify(await relay.call('GET', `/v1/notifications/${id}`));
    return story.includes('"read"') ? true : undefined;
  });
});

test('a version that the relay offers is announced, until the person has passed', async () => {
  desktop = await Desktop.make();
  const relay = await relayOf(desktop, '--app-version', '99.1.0', '--app-url', 'https://shop.example/tidings');
  let driver = await desktop.open();
  await signIn(driver, relay, 'alice');
  await (await driver.find({ button: 'Decide later' })).click();
  await driver.shows('Tidings 99.1.0 is available.');
  await (await driver.find({ button: 'Not now' })).click();
  await driver.showsNot('Tidings 99.1.0 is available.');
  await (await driver.find(shelf('Preferences'))).click();
  await driver.shows('99.1.0 is available at shop.example');
  await desktop.quit();
  driver = await desktop.open();
  await (await driver.find(shelf('Preferences'))).click();
  await driver.shows('99.1.0 is available at shop.example');
  await driver.showsNot('Tidings 99.1.0 is available.');
});

test('quotation marks in English are no wider than a letter, and those in Chinese as wide as a sign', async () => {
  desktop = await Desktop.make();
  const driver = await desktop.open('--mock-relay');
  const widths = async (language: string): Promise<[number, number]> => {
    await driver.goTo(`tauri://localhost/index.html?mock&language=${language}`);
    await driver.find({ css: '[role=row][id]' });
    return driver.run<[number, number]>(
      `return ['“', '国'].map((sign) => {
         const span = document.body.appendChild(document.createElement('span'));
         span.textContent = sign.repeat(20);
         const width = span.getBoundingClientRect().width / 20;
         span.remove();
         return width;
       });`,
    );
  };
  const [english, sign] = await widths('en');
  expect(english).toBeLessThan(sign * 0.75);
  const [chinese, own] = await widths('zh');
  expect(chinese).toBeGreaterThan(own * 0.9);
});
