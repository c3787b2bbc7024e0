import { cleanup } from '@testing-library/svelte';
import { afterEach, vi } from 'vitest';
import { carry } from '../../src/bridge';

// happy-dom draws nothing: it knows no colour scheme and opens no dialog.
vi.stubGlobal('matchMedia', (media: string) => Object.assign(new EventTarget(), { matches: false, media }));
// Nothing has a size either; the list would take that for a window in which nothing is seen.
Object.defineProperty(HTMLElement.prototype, 'clientHeight', { get: () => 600 });
HTMLDialogElement.prototype.showModal ??= function showModal(this: HTMLDialogElement) {
  this.open = true;
};

afterEach(async () => {
  cleanup();
  // What the page still asks is answered before its carrier is taken away.
  await new Promise((resolve) => setTimeout(resolve, 0));
  carry(null);
});
