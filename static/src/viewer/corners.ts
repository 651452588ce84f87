/** The text in the corners of a pane, and the one button that may stand there. */

export interface Corners {
  topLeft?: string[];
  topRight?: string[];
  bottomRight?: string[];
  /** Dashed badge at the lower left: "synthetic". */
  badge?: string;
  /** A button under the upper right corner: "set scale". */
  action?: { words: string; run: () => void };
}

export function cornerElements({ topLeft, topRight, bottomRight, badge, action }: Corners): HTMLElement[] {
  const tr = part("tr", topRight);
  if (action) tr[0]?.append(actButton(action));
  return [...part("tl", topLeft), ...tr, ...part("br", bottomRight), ...part("badge", badge ? [badge] : undefined)];
}

function part(name: string, lines: string[] | undefined): HTMLElement[] {
  if (!lines?.some((line) => line !== "")) return [];
  const element = document.createElement("div");
  element.className = `vp-corner vp-${name}`;
  element.append(...lines.map((line) => Object.assign(document.createElement("div"), { textContent: line })));
  return [element];
}

function actButton({ words, run }: { words: string; run: () => void }): HTMLElement {
  const press = Object.assign(document.createElement("button"), { type: "button", className: "vp-action", textContent: words });
  press.addEventListener("click", run);
  // The pane would take the pointer for a drag.
  press.addEventListener("pointerdown", (event) => event.stopPropagation());
  return press;
}
