// How the parts of the window find its state.

import { getContext, setContext } from 'svelte';
import type { App } from './app.svelte';
import type { Inbox } from './inbox.svelte';

export interface Here {
  app: App;
  inbox: Inbox;
}

const KEY = Symbol('window');

export function provide(state: Here): void {
  setContext(KEY, state);
}

export function here(): Here {
  return getContext<Here>(KEY);
}
