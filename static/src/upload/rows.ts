/** One line a file: name, state in glyph and words, bar, one action. Built of nodes, never of markup. */
const GLYPHS: Record<string, [string, string]> = {
  waits: ["waits", ""],
  sending: ["arc", "run"],
  received: ["queued", ""],
  parsed: ["arc", "run"],
  stored: ["tick", "ok"],
  quarantined: ["diamond", "ask"],
  refused: ["octagon", "bad"],
  failed: ["octagon", "bad"],
};

const SVG = "http://www.w3.org/2000/svg";

function make<K extends keyof HTMLElementTagNameMap>(tag: K, className: string, text = ""): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function chip(state: string, words: string): HTMLElement {
  const [glyph, tone] = GLYPHS[state] ?? ["waits", ""];
  const element = make("span", "chip");
  element.dataset["tone"] = tone;
  element.dataset["state"] = state;
  const icon = document.createElementNS(SVG, "svg");
  icon.setAttribute("class", "icon");
  icon.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#s-${glyph}`);
  icon.append(use);
  element.append(icon, make("span", "", words));
  return element;
}

export class Row {
  readonly root = make("div", "upload-row");
  private readonly state = make("span", "state");
  private readonly bar = document.createElement("progress");
  private readonly acts = make("span", "act num");

  constructor(name: string, className = "") {
    if (className) this.root.classList.add(className);
    const label = make("span", "name", name);
    label.title = name;
    this.bar.max = 1;
    this.bar.hidden = true;
    this.root.append(label, this.state, this.bar, this.acts);
  }

  /** `share` from 0 to 1 shows the bar; null hides it. */
  paint(state: string, words: string, share: number | null = null): void {
    if (this.root.dataset["state"] !== state || this.state.textContent !== words) this.state.replaceChildren(chip(state, words));
    this.root.dataset["state"] = state;
    this.bar.hidden = share === null;
    this.bar.value = share ?? 0;
  }

  link(href: string, words: string): void {
    const link = make("a", "button small", words);
    link.href = href;
    this.act(words, link);
  }

  button(words: string, run: () => void): void {
    const button = make("button", "button small", words);
    button.type = "button";
    button.addEventListener("click", run);
    this.act(words, button);
  }

  /** A button that folds out why. */
  explain(words: string, why: string): void {
    const button = make("button", "button small", words);
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => {
      const open = this.root.querySelector(".why");
      button.setAttribute("aria-expanded", String(open === null));
      if (open) open.remove();
      else this.root.append(make("span", "why", why));
    });
    this.act(words, button);
  }

  clearAct(): void {
    this.acts.replaceChildren();
    delete this.acts.dataset["act"];
  }

  /** The same action again keeps its node, so that the focus stays. */
  private act(key: string, node: HTMLElement): void {
    if (this.acts.dataset["act"] === key) return;
    this.acts.dataset["act"] = key;
    this.acts.replaceChildren(node);
  }
}
