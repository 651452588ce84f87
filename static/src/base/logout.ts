/** Logging out takes along what pages kept in this browser; what was not sent yet is asked about first. */
import { gettext, interpolate } from "../viewer/words.ts";
import { DRAFTS } from "../compare/threads.ts";
import { forgetPending, pendingCases } from "../reading/pending.ts";
import { forgetUnsent, unsentPlaces } from "./unsent.ts";

export function startLogout(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-logout]");
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    void leave(form);
  });
}

async function leave(form: HTMLFormElement): Promise<void> {
  const n = (await pendingCases()) + unsentPlaces();
  const words = interpolate(gettext("Changes in %(n)s case(s) are not saved yet and exist only in this browser. Log out and throw them away?"), { n });
  if (n && !window.confirm(words)) return;
  forgetUnsent();
  await forgetPending();
  for (const key of Object.keys(window.sessionStorage)) if (key.startsWith(DRAFTS)) window.sessionStorage.removeItem(key);
  form.submit();
}
