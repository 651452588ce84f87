/** The reading page as a preview beside the protocol's form: it follows the form, and keeps nothing. */
import { gettext } from "../viewer/words.ts";
import { ReadingPage } from "./page.ts";
import { isFrom, type FromPreview, type ToPreview } from "./says.ts";
import type { Person } from "./session.ts";
import { openTrial } from "./trial.ts";
import type { TrialGiven } from "./types.ts";

function say(what: FromPreview): void {
  window.parent.postMessage(what, window.location.origin);
}

export function previewIn(root: HTMLElement, person: Person, wait: Element | null): void {
  if (window.parent === window) {
    wait?.replaceChildren(gettext("This page stands beside the form of the protocol."));
    return;
  }
  let page: ReadingPage | null = null;
  let wanted: TrialGiven | null = null;
  let guide = false;
  let busy = false;

  const show = async (given: TrialGiven): Promise<void> => {
    const assignment = await openTrial(given);
    if (page) {
      await page.follow(assignment);
    } else if (assignment.read) {
      wait?.remove();
      page = new ReadingPage(root, { ...assignment, leave: () => say({ preview: "back" }) }, assignment.read, person);
      await page.start();
    }
    page?.guide?.show(guide);
  };
  /** One form at a time, and always the newest. */
  const follow = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    for (let given = wanted; given; given = wanted) {
      wanted = null;
      try {
        await show(given);
        say({ preview: "shown" });
      } catch (error) {
        const words = error instanceof Error ? error.message : String(error);
        if (!page) wait?.replaceChildren(words);
        say({ preview: "refused", words });
      }
    }
    busy = false;
  };
  // The picture keeps a press to itself: without this its keys would still be typed into the form.
  document.addEventListener("pointerdown", () => window.focus(), { capture: true });
  window.addEventListener("message", (event) => {
    if (!isFrom(event, window.parent)) return;
    const said = event.data as ToPreview;
    if (said.preview === "guide") {
      guide = said.open;
      page?.guide?.show(guide);
      say({ preview: "moved" });
    } else {
      wanted = said.given;
      void follow();
    }
  });
  say({ preview: "ready" });
}
