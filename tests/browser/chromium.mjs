// Starts the installed Chromium the same way for every test.

import { chromium } from 'playwright-core';

/** The browser's path: `PALIO_CHROMIUM`, else where Debian puts it. */
const executablePath = process.env.PALIO_CHROMIUM ?? '/usr/bin/chromium';

export const launch = () => chromium.launch({
  executablePath,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
});
