// Registers the service worker and learns from it when a newer shell has been stored.

import { signal } from './ui.js';

export const updated = signal(false);

export async function startWorker() {
  if (!('serviceWorker' in navigator)) return;
  navigator.serviceWorker.addEventListener('message', ({ data }) => {
    if (data?.t === 'updated') updated.value = true;
  });
  try {
    await navigator.serviceWorker.register('/sw.js');
    const { active } = await navigator.serviceWorker.ready;
    active?.postMessage({ t: 'check' });
  } catch { /* not a secure context, or storage is off: the page works without */ }
}
