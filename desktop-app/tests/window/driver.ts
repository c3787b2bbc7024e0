// The real window, through WebKit's own WebDriver: as little of the protocol as the tests need.

export interface Element {
  click(): Promise<void>;
  type(text: string): Promise<void>;
  text(): Promise<string>;
}

/** The name under which the protocol hands out elements. */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

/** How long a command of the driver may take, in milliseconds. */
const PATIENCE = 90_000;

export class Driver {
  readonly #session: string;

  private constructor(session: string) {
    this.#session = session;
  }

  /** Starts the app under the driver. Without the variables that allow automation this would wait for ever. */
  static async start(port: number, binary: string, args: readonly string[]): Promise<Driver> {
    const options = { 'webkitgtk:browserOptions': { binary, args } };
    const answer = await send(`http://127.0.0.1:${port}/session`, 'POST', { capabilities: { alwaysMatch: options } });
    const driver = new Driver(`http://127.0.0.1:${port}/session/${(answer as { sessionId: string }).sessionId}`);
    // A page that reads a hundred thousand rows takes its time on a machine that is busy.
    await driver.#ask('POST', 'timeouts', { script: PATIENCE });
    return driver;
  }

  async goTo(url: string): Promise<void> {
    await this.#ask('POST', 'url', { url });
  }

  async run<T>(script: string, ...args: unknown[]): Promise<T> {
    return (await this.#ask('POST', 'execute/sync', { script, args })) as T;
  }

  async runAsync<T>(script: string, ...args: unknown[]): Promise<T> {
    return (await this.#ask('POST', 'execute/async', { script, args })) as T;
  }

  /** The element of a CSS selector, or of the text of a button; waited for. */
  async find(what: { css: string } | { xpath: string } | { button: string }): Promise<Element> {
    const [using, value] =
      'css' in what
        ? ['css selector', what.css]
        : ['xpath', 'xpath' in what ? what.xpath : `//button[normalize-space()="${what.button}" or @aria-label="${what.button}"]`];
    const found = await eventually(`${using} ${value}`, async () => {
      const all = (await this.#ask('POST', 'elements', { using, value })) as Record<string, string>[];
      return all[0]?.[ELEMENT];
    });
    return {
      click: async () => void (await this.#ask('POST', `element/${found}/click`, {})),
      type: async (text) => void (await this.#ask('POST', `element/${found}/value`, { text })),
      text: async () => (await this.#ask('GET', `element/${found}/text`)) as string,
    };
  }

  /** Presses a key wherever the focus is. */
  async press(key: string): Promise<void> {
    const keys = [...key].flatMap((value) => [
      { type: 'keyDown', value },
      { type: 'keyUp', value },
    ]);
    await this.#ask('POST', 'actions', { actions: [{ type: 'key', id: 'keyboard', actions: keys }] });
  }

  async bodyText(): Promise<string> {
    return this.run<string>('return document.body.innerText');
  }

  /** Waits until the page shows a text. */
  async shows(text: string): Promise<void> {
    await eventually(`the page shows ${text}`, async () => ((await this.bodyText()).includes(text) ? true : undefined));
  }

  async showsNot(text: string): Promise<void> {
    await eventually(`the page does not show ${text}`, async () => ((await this.bodyText()).includes(text) ? undefined : true));
  }

  async end(): Promise<void> {
    await send(this.#session, 'DELETE').catch(() => undefined);
  }

  #ask(method: string, path: string, body?: unknown): Promise<unknown> {
    return send(`${this.#session}/${path}`, method, body);
  }
}

async function send(url: string, method: string, body?: unknown): Promise<unknown> {
  const init: RequestInit = { method, signal: AbortSignal.timeout(PATIENCE) };
  if (body !== undefined) init.body = JSON.stringify(body);
  const answer = await fetch(url, init);
  const { value } = (await answer.json()) as { value: unknown };
  if (!answer.ok) throw new Error(`${method} ${url}: ${JSON.stringify(value)}`);
  return value;
}

/** Looks until there is something; an end for every wait. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>, patience = 30_000): Promise<T> {
  const end = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
