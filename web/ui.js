// The one place that knows the vendored libraries: the rest of the page imports its tools from here.

import { Component, createRef, h, render } from '/vendor/preact.js';
import { useEffect, useLayoutEffect, useRef, useState } from '/vendor/preact-hooks.js';
import { batch, computed, effect, signal } from '/vendor/signals.js';
import htm from '/vendor/htm.js';

/** Tagged template for virtual nodes: html`<p>${text}</p>`. Text is always text, never markup. */
export const html = htm.bind(h);

export {
  Component, createRef, render,
  useEffect, useLayoutEffect, useRef, useState,
  batch, computed, effect, signal,
};
