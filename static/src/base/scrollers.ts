/** A table that is wider or higher than its frame is scrolled by keyboard too: while it is, the frame is a Tab stop with a name. */
const FRAMES = ".scroll-x";

/** What the frame is called: the heading of its card, else the caption of its table. */
function nameOf(frame: Element): string {
  return (frame.closest(".card, section")?.querySelector("h2, h3") ?? frame.querySelector("caption"))?.textContent.trim() ?? "";
}

function settle(frame: HTMLElement): void {
  const more = frame.scrollWidth > frame.clientWidth + 1 || frame.scrollHeight > frame.clientHeight + 1;
  if (more === frame.hasAttribute("tabindex")) return;
  const name = nameOf(frame);
  if (more) {
    frame.tabIndex = 0;
    if (name) Object.entries({ role: "group", "aria-label": name }).forEach(([key, value]) => { frame.setAttribute(key, value); });
  } else {
    for (const key of ["tabindex", "role", "aria-label"]) frame.removeAttribute(key);
  }
}

export function startScrollers(): void {
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const frame = target.closest<HTMLElement>(FRAMES);
      if (frame) settle(frame);
    }
  });
  const watch = (): void => {
    for (const frame of document.querySelectorAll<HTMLElement>(FRAMES)) {
      sizes.observe(frame);
      for (const child of frame.children) sizes.observe(child);
    }
  };
  document.addEventListener("htmx:afterSettle", watch);
  watch();
}
