/** Keys of ordinary pages: a control with `data-key="U"` is pressed by that key; `?` shows them all. */
import { openDialog } from "./dialogs.ts";
import { openRow, stepRow } from "./rows.ts";

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Physical key as written on a keycap: "KeyU" is U, "Digit1" is 1, so that other input modes do not break them. */
export function keyName(event: KeyboardEvent): string {
  const plain = /^(?:Key|Digit|Numpad)(.)$/.exec(event.code)?.[1] ?? event.key;
  return (event.shiftKey && plain.length === 1 ? "Shift+" : "") + plain;
}

function label(control: HTMLElement): string {
  const copy = control.cloneNode(true) as HTMLElement;
  for (const cap of copy.querySelectorAll(".keycap, svg, .count")) cap.remove();
  return control.dataset["keyWords"] ?? control.getAttribute("aria-label") ?? copy.textContent.trim().replace(/\s+/g, " ");
}

function entry(list: HTMLElement, keys: string, words: string): void {
  const dl = document.createElement("dl");
  const dt = document.createElement("dt");
  for (const key of keys.split(" ")) {
    const cap = document.createElement("kbd");
    cap.className = "keycap";
    cap.textContent = key;
    dt.append(cap);
  }
  const dd = document.createElement("dd");
  dd.textContent = words;
  dl.append(dt, dd);
  list.append(dl);
}

export function showKeys(): void {
  const dialog = document.querySelector<HTMLDialogElement>("[data-keys-dialog]");
  const list = dialog?.querySelector<HTMLElement>("[data-keys-list]");
  if (!dialog || !list) return;
  list.replaceChildren();
  for (const control of document.querySelectorAll<HTMLElement>("[data-key]")) entry(list, (control.dataset["key"] ?? "").replace("Shift+", "⇧ "), label(control));
  const page = document.querySelector<HTMLTemplateElement>("template[data-page-keys]");
  for (const row of page?.content.querySelectorAll<HTMLElement>("[data-k]") ?? []) entry(list, row.dataset["k"] ?? "", row.textContent.trim());
  entry(list, "?", list.dataset["wordsHelp"] ?? "");
  openDialog(dialog);
}

export function startKeys(): void {
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-keys-open]")) showKeys();
  });
  if (document.querySelector("[data-own-keys]")) return; // reading and comparison handle their own
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "?") return showKeys();
    const name = keyName(event);
    const control = document.querySelector<HTMLElement>(`[data-key="${CSS.escape(name)}"]`);
    if (control) {
      event.preventDefault();
      if (control.matches("input, select, textarea")) control.focus();
      else control.click();
    } else if (name === "J") stepRow(1);
    else if (name === "K") stepRow(-1);
    else if (name === "Enter" && !(event.target instanceof HTMLElement && event.target.closest("a, button"))) {
      if (openRow()) event.preventDefault();
    }
  });
}
