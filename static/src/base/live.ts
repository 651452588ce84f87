/**
 * Parts that follow the server: `data-live` with hx-get and hx-trigger="live".
 *
 * Every 1.5 s while something moves; after an answer 286 (nothing moves) every 10 s, so that what others start is seen
 * too. A part waits while the page is hidden, a dialog is open or a field in it has the focus, and an answer equal to
 * the last one changes nothing: no flicker, no lost focus.
 */
const QUICK_MS = 1500;
const QUIET_MS = 10_000;
const STILL = 286;

interface State {
  last: string;
  due: number;
  still: boolean;
}

const states = new WeakMap<Element, State>();

function stateOf(part: Element): State {
  let state = states.get(part);
  if (!state) {
    state = { last: "", due: performance.now() + QUICK_MS, still: false };
    states.set(part, state);
  }
  return state;
}

function busy(part: Element): boolean {
  const focused = document.activeElement;
  return document.querySelector("dialog[open]") !== null || (focused !== null && part.contains(focused) && focused.matches("input, select, textarea"));
}

function tick(): void {
  if (document.hidden) return;
  const now = performance.now();
  for (const part of document.querySelectorAll("[data-live]")) {
    const state = stateOf(part);
    if (now < state.due || busy(part)) continue;
    state.due = now + (state.still ? QUIET_MS : QUICK_MS);
    part.dispatchEvent(new CustomEvent("live"));
  }
}

/** Ask at once and quickly again: something was begun on this page. */
export function wakeLive(): void {
  for (const part of document.querySelectorAll("[data-live]")) Object.assign(stateOf(part), { due: 0, still: false });
}

interface SwapDetail {
  target: Element;
  xhr: XMLHttpRequest;
  shouldSwap: boolean;
}

export function startLive(): void {
  if (!document.querySelector("[data-live]")) return;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const detail = (event as CustomEvent<SwapDetail>).detail;
    if (!detail.target.matches("[data-live]")) return;
    const state = stateOf(detail.target);
    state.still = detail.xhr.status === STILL;
    const body = withoutTokens(detail.xhr.responseText);
    if (body === state.last) detail.shouldSwap = false;
    else state.last = body;
  });
  window.setInterval(tick, 500);
}

/** Form tokens differ in every answer; they are not a change. */
function withoutTokens(body: string): string {
  return body.replace(/name="csrfmiddlewaretoken" value="[^"]*"/g, "");
}
