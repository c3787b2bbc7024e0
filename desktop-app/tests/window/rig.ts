// A desktop of its own for each test: a screen, a bus, a notification daemon, a relay, a home.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { Driver, eventually } from './driver';

const root = resolve(import.meta.dirname, '../../..');
const target = process.env['CARGO_TARGET_DIR'] ?? join(root, 'target');
const profile = process.env['TIDINGS_PROFILE'] ?? 'debug';
const app = process.env['TIDINGS_DESKTOP_BIN'] ?? join(target, profile, 'tidings-desktop');
const relayBinary = process.env['TIDINGS_BIN'] ?? join(target, profile, 'tidings');

export class Desktop {
  readonly home = mkdtempSync(join(tmpdir(), 'tidings-window-'));
  readonly app = app;
  /** Where the app keeps its files. */
  readonly data = join(this.home, 'data/dev.tidings.desktop');
  readonly config = join(this.home, 'config');
  readonly #running: ChildProcess[] = [];
  readonly #named = new Map<string, ChildProcess>();
  #env: NodeJS.ProcessEnv = {};
  #driverPort = 0;
  driver!: Driver;

  /** Makes the desktop; the app is not started yet. */
  static async make(options: { dunst?: boolean; keyring?: boolean; language?: string } = {}): Promise<Desktop> {
    const desktop = new Desktop();
    const display = await desktop.#display();
    const bus = await desktop.#bus();
    desktop.#env = {
      PATH: process.env['PATH'],
      HOME: desktop.home,
      XDG_RUNTIME_DIR: desktop.home,
      XDG_DATA_HOME: join(desktop.home, 'data'),
      XDG_CONFIG_HOME: join(desktop.home, 'config'),
      XDG_CACHE_HOME: join(desktop.home, 'cache'),
      DISPLAY: display,
      DBUS_SESSION_BUS_ADDRESS: bus,
      LANG: options.language ?? 'C.UTF-8',
      TZ: 'Etc/UTC',
      TIDINGS_LOG: 'info',
      // Neither is there on a machine without a graphics card.
      WEBKIT_DISABLE_DMABUF_RENDERER: '1',
      LIBGL_ALWAYS_SOFTWARE: '1',
      NO_AT_BRIDGE: '1',
    };
    desktop.start('openbox', []);
    if (options.dunst) desktop.start('dunst', []);
    if (options.keyring) desktop.keyring();
    return desktop;
  }

  /** Starts the system's keychain, unlocked. */
  keyring(): ChildProcess {
    const child = this.start('gnome-keyring-daemon', ['--unlock', '--components=secrets', '--foreground'], {}, 'pipe');
    child.stdin?.end('a password for tests');
    return child;
  }

  /** Starts the app under a driver. */
  open(...args: string[]): Promise<Driver> {
    return this.#open(app, args);
  }

  /** The same with the app's folder on a disk of so many MiB, in a mount namespace of its own. */
  async openOnSmallDisk(mebibytes: number): Promise<Driver> {
    mkdirSync(this.data, { recursive: true });
    const wrapper = join(this.home, 'on-small-disk');
    const mount = `mount -t tmpfs -o size=${mebibytes}m none '${this.data}'`;
    const script = `#!/bin/sh\nexec unshare -Urm sh -c "${mount} && echo \\$\\$ > '${this.home}/small-disk.pid' && exec '${app}' \"\\$@\"" app "$@"\n`;
    writeFileSync(wrapper, script, { mode: 0o755 });
    return this.#open(wrapper, []);
  }

  /** The app's folder as the app itself sees it, when it has a disk of its own. */
  smallDisk(): string {
    return join(`/proc/${readFileSync(join(this.home, 'small-disk.pid'), 'utf8').trim()}/root`, this.data);
  }

  async #open(binary: string, args: readonly string[]): Promise<Driver> {
    this.#driverPort = await freePort();
    this.start('WebKitWebDriver', [`--port=${this.#driverPort}`], { TAURI_AUTOMATION: 'true', TAURI_WEBVIEW_AUTOMATION: 'true' });
    const reach = () => fetch(`http://127.0.0.1:${this.#driverPort}/status`).then((answer) => (answer.ok ? true : undefined), () => undefined);
    await eventually('the driver listens', reach);
    this.driver = await Driver.start(this.#driverPort, binary, args);
    return this.driver;
  }

  /** Ends one of the programs of this desktop. */
  async stop(program: string): Promise<void> {
    const child = this.#named.get(program);
    if (child) await ended(child);
  }

  /** Runs a program of this desktop to its end; what it printed. */
  run(program: string, args: readonly string[]): Promise<string> {
    return new Promise((done, failed) => {
      const child = spawn(program, args, { env: this.#env });
      let text = '';
      child.stdout.on('data', (data: Buffer) => (text += data.toString()));
      child.on('error', failed);
      child.on('close', () => done(text));
    });
  }

  /** A picture of the window as it stands on the screen. */
  async picture(): Promise<Buffer> {
    const path = join(this.home, 'picture.png');
    await this.run('scrot', ['--overwrite', '--focused', path]);
    return readFileSync(path);
  }

  /** Quits the app, and ends its driver. A start before the app has ended would only show the window of the one that ends. */
  async quit(): Promise<void> {
    // The connection may end before the answer.
    await this.driver.run(`void window.__TAURI_INTERNALS__.invoke('quit')`).catch(() => undefined);
    await this.driver.end();
    await this.stop('WebKitWebDriver');
    await eventually('the app has ended', async () => (this.#apps().length === 0 ? true : undefined));
  }

  /** The processes of the app on this desktop. */
  #apps(): string[] {
    const read = (pid: string, file: string): string => {
      try {
        return readFileSync(`/proc/${pid}/${file}`, 'utf8');
      } catch {
        return '';
      }
    };
    const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return all.filter((pid) => read(pid, 'cmdline').startsWith(app) && read(pid, 'environ').includes(`HOME=${this.home}\0`));
  }

  /** Starts a relay; or a former one again, at its address and on its data. */
  async relay(former?: Relay | null, ...args: string[]): Promise<Relay> {
    const listen = former ? former.address.replace('http://', '') : '127.0.0.1:0';
    const child = spawn(relayBinary, ['serve', '--json', '--listen', listen, '--data', join(this.home, 'relay'), ...args], {
      stdio: ['ignore', 'pipe', openSync(join(this.home, 'relay.log'), 'a')],
    });
    this.#running.push(child);
    const line = await firstLine(child);
    const { address, key } = JSON.parse(line) as { address: string; key?: string };
    return new Relay(address, key ?? former?.key ?? '', child);
  }

  async close(): Promise<void> {
    await this.driver?.end();
    // The last that was started needs what was started before it.
    for (const child of this.#running.reverse()) await ended(child);
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Starts a program of this desktop; it ends with it. */
  start(program: string, args: readonly string[], more: NodeJS.ProcessEnv = {}, stdin: 'ignore' | 'pipe' = 'ignore'): ChildProcess {
    const log = openSync(join(this.home, `${basename(program)}.log`), 'a');
    const child = spawn(program, args, { env: { ...this.#env, ...more }, stdio: [stdin, log, log] });
    this.#running.push(child);
    this.#named.set(program, child);
    return child;
  }

  async #display(): Promise<string> {
    const log = openSync(join(this.home, 'xvfb.log'), 'a');
    const args = ['-displayfd', '3', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'];
    const child = spawn('Xvfb', args, { stdio: ['ignore', log, log, 'pipe'] });
    this.#running.push(child);
    const pipe = child.stdio[3] as NodeJS.ReadableStream;
    const number = await new Promise<string>((found) => pipe.once('data', (data: Buffer) => found(data.toString().trim())));
    return `:${number}`;
  }

  async #bus(): Promise<string> {
    const child = spawn('dbus-daemon', ['--session', '--nofork', '--print-address'], { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#running.push(child);
    return (await firstLine(child)).trim();
  }
}

export class Relay {
  constructor(
    readonly address: string,
    readonly key: string,
    readonly child: ChildProcess,
  ) {}

  async call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const authorization = `Basic ${Buffer.from(`:${this.key}`).toString('base64')}`;
    const isDocument = typeof body === 'string';
    const headers = { authorization, 'content-type': isDocument ? 'application/yaml' : 'application/json' };
    const init: RequestInit = { method, headers };
    if (body !== undefined) init.body = isDocument ? body : JSON.stringify(body);
    const answer = await fetch(this.address + path, init);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${text}`);
    return text ? (JSON.parse(text) as Record<string, unknown>) : {};
  }

  async link(recipient: string): Promise<string> {
    return (await this.call('POST', '/v1/connect-codes', { recipient }))['link'] as string;
  }

  /** Tells somebody something; the notification's id. */
  async tell(recipient: string, content: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<string> {
    const made = await this.call('POST', '/v1/notifications', { recipients: [recipient], category: 'general', content, ...more });
    return ((made['notifications'] as { id: string }[] | undefined)?.[0]?.id ?? '') as string;
  }

  stop(): Promise<void> {
    return ended(this.child);
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((found, failed) => {
    let text = '';
    child.stdout?.on('data', (data: Buffer) => {
      text += data.toString();
      if (text.includes('\n')) found(text.slice(0, text.indexOf('\n')));
    });
    child.once('exit', () => failed(new Error(`it ended: ${text}`)));
    child.once('error', failed);
  });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) return done();
    const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
    child.once('exit', () => {
      clearTimeout(timer);
      done();
    });
    child.kill('SIGTERM');
  });
}

function freePort(): Promise<number> {
  return new Promise((found) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => found(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
