// How long it takes until what a person does at one computer shows at another.

import type { Driver } from './driver';
import { eventually } from './driver';
import { row } from './person';
import type { Relay } from './rig';

/** Waits in the page itself, so that the driver's own time is not in it. */
const watch = (seen: string): string => `
  const [done] = arguments;
  const look = () => (${seen} ? done(Date.now()) : setTimeout(look, 5));
  look();
`;

/** Milliseconds from the click to the sight, by the clock that both share: read, snooze, its end, pause, its end. */
export async function alike(relay: Relay, who: string, one: Driver, two: Driver): Promise<Record<string, number>> {
  const took: Record<string, number> = {};
  const title = `Both have this ${Date.now()}`;
  await relay.tell(who, { title });
  await Promise.all([one.find(row(title)), two.find(row(title))]);
  const found = `[...document.querySelectorAll('[role=row][id]')].find((row) => row.textContent.includes(${JSON.stringify(title)}))`;
  const both = async (what: string, act: string, seen: string): Promise<void> => {
    const sight = two.runAsync<number>(watch(seen));
    const click = await one.run<number>(`const began = Date.now(); ${act}; return began;`);
    took[what] = (await sight) - click;
  };
  const press = (button: string): string => `[...document.querySelectorAll('button')].find((button) => button.textContent.trim().startsWith(${JSON.stringify(button)})).click()`;
  const key = (name: string): string => `document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '${name}', bubbles: true, cancelable: true }))`;

  await both('read', `${found}.click()`, `!${found}.classList.contains('unread')`);
  await one.find({ xpath: `//article//h1[.//text()="${title}"]` });
  await one.run(key('s'));
  await one.find({ xpath: '//dialog//button[contains(., "Tomorrow")]' });
  await both('snooze', press('Tomorrow'), `!${found}`);
  await one.find({ button: 'Undo' });
  await both('its end', press('Undo'), `Boolean(${found})`);
  await one.run(press('Preferences'));
  await one.find({ button: 'For an hour' });
  await both('pause', press('For an hour'), `document.body.innerText.includes('Paused until')`);
  await eventually('the end is offered', async () => ((await one.bodyText()).includes('End the pause') ? true : undefined));
  await both('its end of the pause', press('End the pause'), `!document.body.innerText.includes('Paused until')`);
  await one.run(press('Inbox'));
  return took;
}
