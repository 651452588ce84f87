/** Tables with `data-rows`: J and K walk, Enter opens the row's first link, or what the page offers where none is chosen. */
const SELECTED = 'tr[aria-selected="true"]';

function rows(): HTMLTableRowElement[] {
  return [...document.querySelectorAll<HTMLTableRowElement>("table[data-rows] tbody tr")].filter((row) => row.querySelector("a[href]"));
}

export function stepRow(by: number): void {
  const all = rows();
  const at = all.findIndex((row) => row.matches(SELECTED));
  const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by))];
  for (const row of all) row.removeAttribute("aria-selected");
  if (!next) return;
  next.setAttribute("aria-selected", "true");
  next.scrollIntoView({ block: "nearest" });
}

export function openRow(): boolean {
  const row = document.querySelector<HTMLAnchorElement>(`table[data-rows] ${SELECTED} a[href]`);
  const link = row ?? document.querySelector<HTMLAnchorElement>("a[data-continue]");
  link?.click();
  return link !== null;
}

/** A fragment that polls replaces its rows; the chosen one stays chosen. */
export function startRows(): void {
  let kept = "";
  document.addEventListener("htmx:beforeSwap", () => {
    kept = document.querySelector<HTMLElement>(`table[data-rows] ${SELECTED}`)?.dataset["row"] ?? "";
  });
  document.addEventListener("htmx:afterSwap", () => {
    if (kept) document.querySelector(`table[data-rows] tr[data-row="${CSS.escape(kept)}"]`)?.setAttribute("aria-selected", "true");
  });
}
