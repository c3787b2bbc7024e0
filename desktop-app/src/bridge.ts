// The only file that talks to the Rust side. Everything that the window shows comes through it.

import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import type { Commands, Failure, Told } from './contract';

/** How calls and events travel. */
export interface Carrier {
  call(command: string, ask: Record<string, unknown>): Promise<unknown>;
  hear(told: (event: Told) => void): Promise<() => void>;
}

const rust: Carrier = {
  call: (command, ask) => invoke(command, ask),
  hear: (told) => listen<Told>('told', (event) => told(event.payload)),
};

let carrier = rust;

/** Takes another carrier: made-up data, or a test's. Null goes back to the real one. */
export function carry(other: Carrier | null): void {
  carrier = other ?? rust;
}

type NoArguments = Record<string, never>;

/** Asks the Rust side; what it refuses is thrown as a `Failure`. */
export function ask<Name extends keyof Commands>(
  command: Name,
  ...rest: Commands[Name]['ask'] extends NoArguments ? [] : [Commands[Name]['ask']]
): Promise<Commands[Name]['answer']> {
  return carrier.call(command, rest[0] ?? {}) as Promise<Commands[Name]['answer']>;
}

/** Listens to what is told without having been asked. */
export function hear(told: (event: Told) => void): Promise<() => void> {
  return carrier.hear(told);
}

/** What was thrown, as a failure with a word. */
export function failure(thrown: unknown): Failure {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && 'detail' in thrown) {
    return { code: String(thrown.code), detail: String(thrown.detail) };
  }
  return { code: 'failed', detail: String(thrown) };
}
