/** What is not saved yet when the page goes: asked about, sent when it is hidden, and sent when the line is back. */
import type { Autosave } from "./autosave.ts";

export function watchUnsent(autosave: Autosave, leaving: () => boolean, gone: () => void): void {
  window.addEventListener("beforeunload", (event) => {
    if (autosave.dirty && !leaving()) event.preventDefault();
  });
  window.addEventListener("online", () => void autosave.flush());
  window.addEventListener("pagehide", () => {
    if (leaving()) gone();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden" && autosave.dirty && autosave.state.kind === "waiting") void autosave.flush();
  });
}
