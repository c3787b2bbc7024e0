import { mount } from 'svelte';
import './app.css';
import App from './App.svelte';
import { carry } from './bridge';

const target = document.getElementById('app');
if (!target) throw new Error('the page has no place for the app');

// `?mock` shows made-up data: `npm run dev`, and the app itself with `--mock-relay` in debug builds.
if (new URLSearchParams(location.search).has('mock')) {
  const { MadeUpRelay } = await import('./mock/relay');
  carry(new MadeUpRelay(new URLSearchParams(location.search)));
}

mount(App, { target });
