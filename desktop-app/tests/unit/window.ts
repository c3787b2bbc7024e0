// The whole window on made-up data, as a person finds it.

import { render, screen, waitFor } from '@testing-library/svelte';
import axe from 'axe-core';
import { expect } from 'vitest';
import App from '../../src/App.svelte';
import { carry, type Carrier } from '../../src/bridge';
import type { Failure, Told } from '../../src/contract';
import { MadeUpRelay } from '../../src/mock/relay';

export interface Asked {
  command: string;
  ask: Record<string, unknown>;
}

/** Writes down what was asked, and lets single commands fail. */
export class Recorded implements Carrier {
  readonly asked: Asked[] = [];
  readonly failing = new Map<string, Failure>();
  tell: (told: Told) => void = () => {};
  readonly #relay: MadeUpRelay;

  constructor(query: string) {
    this.#relay = new MadeUpRelay(new URLSearchParams(`count=10&${query}`));
  }

  /** What the next answers wait for. */
  gate: Promise<void> = Promise.resolve();

  async call(command: string, ask: Record<string, unknown>): Promise<unknown> {
    this.asked.push({ command, ask });
    await this.gate;
    const failing = this.failing.get(command);
    if (failing) throw failing;
    return this.#relay.call(command, ask);
  }

  hear(told: (event: Told) => void): Promise<() => void> {
    this.tell = told;
    return this.#relay.hear(told);
  }

  of(command: string): Record<string, unknown>[] {
    return this.asked.filter((asked) => asked.command === command).map(({ ask }) => ask);
  }
}

export async function open(query = 'language=en', prepare: (carrier: Recorded) => void = () => {}): Promise<Recorded> {
  const carrier = new Recorded(query);
  prepare(carrier);
  carry(carrier);
  render(App);
  await waitFor(() => expect(document.querySelector('[aria-busy=true]')).toBeNull());
  return carrier;
}

/** What a checker for accessibility finds. Colours are not drawn here; they have a test of their own. */
export async function faults(): Promise<string[]> {
  const found = await axe.run(document.body, { rules: { 'color-contrast': { enabled: false }, region: { enabled: false } } });
  return found.violations.flatMap((violation) => violation.nodes.map((node) => `${violation.id}: ${node.html.slice(0, 160)}`));
}

export function press(key: string, on: Element = document.body): void {
  on.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
}

export { screen, waitFor };
