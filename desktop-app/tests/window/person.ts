// What the person in the tests does, and what the relay hears of it.

import type { Driver } from './driver';
import { eventually } from './driver';
import type { Relay } from './rig';

export const DOCUMENT = `
tidings: 1
project: {name: bench, locale: en, time_zone: Etc/UTC, unknown_recipient: create}
policy: {version: "1", text: {en: "We write rarely"}}
categories:
  general: {name: {en: General}, legal: service, priority: normal, channels: [inapp]}
  offers: {name: {en: Offers}, legal: marketing, priority: normal, channels: [inapp]}
`;

/** Signs somebody in as a person does; without a keychain they are asked about the key. */
export async function signIn(driver: Driver, relay: Relay, recipient: string, hasKeychain = false): Promise<void> {
  await (await driver.find({ css: '#link' })).type(await relay.link(recipient));
  await (await driver.find({ button: 'Connect' })).click();
  if (!hasKeychain) await (await driver.find({ button: 'Keep the key in a file' })).click();
  await driver.find({ xpath: `//nav//bdi[text()="${recipient}"]` });
}

export const row = (title: string) => ({ xpath: `//*[@role="row"][.//bdi[text()="${title}"]]` });

export const shelf = (name: string) => ({ xpath: `//nav//button[contains(., "${name}")]` });

/** The receipts of a notification that the relay has, in order. */
export async function receipts(relay: Relay, id: string): Promise<string[]> {
  const story = await relay.call('GET', `/v1/notifications/${id}`);
  const timeline = story['timeline'] as { receipt?: string }[];
  return timeline.flatMap(({ receipt }) => receipt ?? []);
}

export async function has(relay: Relay, id: string, receipt: string): Promise<void> {
  await eventually(`${receipt} of ${id}`, async () => ((await receipts(relay, id)).includes(receipt) ? true : undefined));
}
