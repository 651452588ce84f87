/** Tabs of the card in the middle: arrow keys move between them, as the pattern asks; Tab goes on into the panel. */
export class Tabs {
  private readonly tabs: HTMLElement[];
  private readonly onShow: (name: string) => void;

  constructor(root: ParentNode, onShow: (name: string) => void) {
    this.tabs = [...root.querySelectorAll<HTMLElement>('[role="tab"]')];
    this.onShow = onShow;
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.show(nameOf(tab)));
      tab.addEventListener("keydown", (event) => this.key(event, tab));
    }
  }

  get shown(): string {
    return nameOf(this.tabs.find((tab) => tab.getAttribute("aria-selected") === "true"));
  }

  show(name: string): void {
    for (const tab of this.tabs) {
      const on = nameOf(tab) === name;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      const panel = document.getElementById(tab.getAttribute("aria-controls") ?? "");
      if (panel) panel.hidden = !on;
    }
    for (const link of document.querySelectorAll<HTMLElement>("[data-csv]")) link.hidden = link.dataset["csv"] !== name;
    this.onShow(name);
  }

  private key(event: KeyboardEvent, tab: HTMLElement): void {
    const at = this.tabs.indexOf(tab);
    const to: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: this.tabs.length - 1 };
    const next = to[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const found = this.tabs[(next + this.tabs.length) % this.tabs.length];
    found?.focus();
    this.show(nameOf(found));
  }
}

function nameOf(tab: HTMLElement | undefined): string {
  return tab?.id.replace("tab-", "") ?? "";
}
