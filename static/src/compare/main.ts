/** Entry of the comparison page. */
import "../css/compare.css";
import { toast } from "../base/toasts.ts";
import { get } from "../viewer/api.ts";
import { keysDialog } from "../viewer/keys.ts";
import { gettext } from "../viewer/words.ts";
import type { LinkName } from "./linked.ts";
import { ComparePage, part } from "./page.ts";
import { Reasons } from "./reasons.ts";
import { jump, shortcuts } from "./shortcuts.ts";
import type { Compare } from "./types.ts";

const POLL_MS = 2000;

function documentOf(): Compare {
  const script = document.getElementById("compare-data");
  if (!script) throw new Error("the page has no compare document");
  return JSON.parse(script.textContent ?? "") as Compare;
}

function follow(selector: string): void {
  document.querySelector<HTMLAnchorElement>(selector)?.click();
}

function wire(root: HTMLElement, page: ComparePage): void {
  for (const button of root.querySelectorAll<HTMLElement>("[data-link]")) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(page.toggleLink(button.dataset["link"] as LinkName)));
    });
  }
  for (const button of root.querySelectorAll<HTMLElement>("[data-go]")) {
    button.addEventListener("click", () => jump(page, button.dataset["go"] as "model_key" | "largest_difference"));
  }
  for (const button of root.querySelectorAll<HTMLElement>("[data-step]")) {
    button.addEventListener("click", () => page.step(Number(button.dataset["step"])));
  }
  part(root, "[data-play]").addEventListener("click", () => page.togglePlay());
  for (const button of root.querySelectorAll<HTMLElement>("[data-at]")) {
    button.addEventListener("click", () => {
      const [clip = "", frame = "1"] = (button.dataset["at"] ?? "").split(".");
      void page.go({ clip, frame: Number(frame), region: 1 });
    });
  }
  part(root, "[data-maps]").addEventListener("click", () => void page.nextMap());
  const hide = part(root, "[data-hide]");
  hide.addEventListener("pointerdown", () => page.hideMasks(true));
  for (const name of ["pointerup", "pointerleave", "pointercancel"]) hide.addEventListener(name, () => page.hideMasks(false));
  // A button pressed with the pointer gives the focus back, so that Space and Enter stay keys of the page.
  root.addEventListener("click", (event) => {
    const focused = document.activeElement;
    if (event.detail > 0 && focused instanceof HTMLButtonElement && root.contains(focused)) focused.blur();
  });
  wireChoice(part(root, "[data-choice]"), page);
}

/** Another read or pipeline is another address; the place on the pictures goes along. */
function wireChoice(form: HTMLElement, page: ComparePage): void {
  if (!(form instanceof HTMLFormElement)) return;
  form.addEventListener("change", () => {
    if (document.activeElement instanceof HTMLSelectElement) document.activeElement.blur();
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (typeof value === "string" && value) query.set(name, value);
    window.location.assign(`${window.location.pathname}?${query}${page.address ? `#${page.address}` : ""}`);
  });
}

/** While the model is still at work, ask how far it is; when its result is there, show it. */
function waitForModel(root: HTMLElement, data: Compare): void {
  const said = root.querySelector<HTMLElement>("[data-model-state]");
  if (!said || !data.model_state?.live) return;
  const ask = async (): Promise<void> => {
    const now = await get<Compare>(`/api/v1/cases/${data.case.id}/compare/${window.location.search}`).catch(() => null);
    if (now?.prediction) {
      window.location.reload();
      return;
    }
    if (now?.model_state) said.textContent = now.model_state.words;
    if (now === null || now.model_state?.live) window.setTimeout(() => void ask(), POLL_MS);
  };
  window.setTimeout(() => void ask(), POLL_MS);
}

const root = document.querySelector<HTMLElement>("[data-compare]");
if (root) {
  const data = documentOf();
  const page = new ComparePage(root, data);
  const reasons = new Reasons(root, data);
  const help = (): void => keysDialog(keys).showModal();
  const keys = shortcuts(page, reasons, {
    help,
    back: () => follow("[data-back]"),
    next: () => follow("[data-next]"),
  });
  // "?" lies on another key on other layouts: the character counts, before the keys by place are asked.
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.closest("input, textarea, select") !== null;
    if (event.key !== "?" || typing || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    help();
  });
  keys.attach();
  root.querySelector("[data-keys]")?.addEventListener("click", help);
  wire(root, page);
  waitForModel(root, data);
  page.start().catch((error: unknown) => {
    root.dataset["ready"] = "failed";
    toast(`${gettext("The pictures did not open:")} ${error instanceof Error ? error.message : String(error)}`, "bad");
  });
}
