/** The worklist: skip the chosen case with a reason; say while signing what is signed and what stays. */
import { openDialog } from "../base/dialogs.ts";
import { gettext, interpolate } from "../viewer/words.ts";

function chosenRow(): HTMLTableRowElement | null {
  return document.querySelector<HTMLTableRowElement>('table[data-rows] tr[aria-selected="true"]');
}

function startSkip(): void {
  const dialog = document.querySelector<HTMLDialogElement>("dialog[data-skip]");
  const form = dialog?.querySelector("form");
  const opener = document.querySelector<HTMLButtonElement>("[data-skip-open]");
  if (!dialog || !form || !opener) return;
  opener.addEventListener("click", () => {
    const row = chosenRow();
    const url = row?.dataset["skipUrl"];
    if (!row || !url) return;
    form.action = url;
    for (const name of dialog.querySelectorAll("[data-skip-name]")) name.textContent = row.dataset["name"] ?? "";
    openDialog(dialog);
  });
}

/** How many are signed, and which stay completed. */
export function signWords(all: number[], chosen: number[]): { act: string; left: string } {
  const one = chosen.length === 1;
  const act = interpolate(one ? gettext("Sign %(n)s case") : gettext("Sign %(n)s cases"), { n: String(chosen.length) });
  const out = all.filter((number) => !chosen.includes(number));
  if (!out.length) return { act, left: "" };
  const names = out.join(", ");
  const left = out.length === 1 ? gettext("Case %(names)s stays completed and is not signed.") : gettext("Cases %(names)s stay completed and are not signed.");
  return { act, left: interpolate(left, { names }) };
}

function startSign(): void {
  const dialog = document.querySelector<HTMLDialogElement>("dialog[data-sign]");
  const form = dialog?.querySelector<HTMLFormElement>("form[data-sign-form]");
  const submit = dialog?.querySelector<HTMLButtonElement>("[data-sign-submit]");
  if (!dialog || !form || !submit) return;
  const boxes = [...dialog.querySelectorAll<HTMLInputElement>("input[data-number]")];
  const show = (): void => {
    const chosen = boxes.filter((box) => box.checked);
    for (const box of boxes) box.closest("tr")?.toggleAttribute("data-chosen", box.checked);
    const words = signWords(boxes.map(numberOf), chosen.map(numberOf));
    for (const place of dialog.querySelectorAll("[data-sign-words]")) place.textContent = words.act;
    for (const place of dialog.querySelectorAll<HTMLElement>("[data-sign-left]")) {
      place.textContent = words.left;
      place.parentElement?.toggleAttribute("hidden", !words.left);
    }
    submit.disabled = chosen.length === 0;
  };
  dialog.addEventListener("change", show);
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !submit.disabled) form.requestSubmit(submit);
  });
  show();
}

function numberOf(box: HTMLInputElement): number {
  return Number(box.dataset["number"]);
}

export function startWorklist(): void {
  startSkip();
  startSign();
}
