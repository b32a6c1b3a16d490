// Starts the page: the frame around the screens, the clock, the routes, the session, the service worker.

import { startClock } from './clock.js';
import { money } from './format.js';
import { ListScreen } from './list.js';
import { startWorker, updated } from './pwa.js';
import { route, startRouting } from './route.js';
import { followWallet, lookForDemo, me, refreshMe, session, setSession } from './session.js';
import { logoOf, startTheme, theme } from './theme.js';
import { TournamentScreen } from './tournament.js';
import { html, render } from './ui.js';

function TopBar() {
  const who = session.value;
  const account = me.value?.accounts[0];
  return html`<header class="bar"><div class="bar-in">
    <a class="brand" href="#/"><img src=${logoOf(theme.value)} alt="" width="28" height="28" /><span>${theme.value.name}</span></a>
    ${who && html`<div class="who">
      ${account && html`<span class="purse"><span class="hidden">Available: </span>${money(account.available, account.currency)}</span>`}
      <span class="who-name">${who.playerId}</span>
      <button type="button" class="quiet small" onClick=${() => setSession(null)}>Sign out</button></div>`}
  </div></header>`;
}

function Screen() {
  const at = route.value;
  switch (at.screen) {
    case 'list': return html`<${ListScreen} />`;
    case 'tournament': return html`<${TournamentScreen} key=${at.id} id=${at.id} />`;
    case 'unknown': return html`<main id="main" class="list" tabIndex=${-1}><h1>Nothing here</h1>
      <p class="empty"><a href="#/">See all tournaments</a></p></main>`;
  }
}

function App() {
  return html`<button type="button" class="skip" onClick=${() => document.getElementById('main')?.focus()}>Skip to content</button>
    <${TopBar} />
    <${Screen} />
    ${updated.value && html`<div class="toast" role="status">A new version is ready.
      <button type="button" class="primary small" onClick=${() => location.reload()}>Reload</button></div>`}`;
}

const root = document.getElementById('app');
if (root) {
  startTheme();
  startClock();
  startRouting();
  root.textContent = '';
  render(html`<${App} />`, root);
  void lookForDemo();
  void refreshMe();
  followWallet();
  void startWorker();
}
