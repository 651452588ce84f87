/**
 * Keymap: keys by physical code (KeyboardEvent.code), so they stay in place on every layout.
 *
 *   keys.bind({ code: "KeyC", keys: ["C"], words: "caliper", group: "tools", run: () => … });
 *   keys.groups()   what the `?` overlay shows
 *
 * Nothing fires while the person types in a field or a dialog is open, unless the binding says `always`.
 */
import { gettext } from "./words.ts";

export interface Binding {
  code: string;
  shift?: boolean;
  /** The character itself, wherever the layout puts it ("?" is not everywhere on the same key); then code and shift do not count. */
  char?: string;
  ctrl?: boolean;
  /** Keycaps to show; empty: not shown. */
  keys: string[];
  words: string;
  group: string;
  /** Only when this holds (another binding of the same key may then answer). */
  when?: () => boolean;
  /** Also while a text field has the focus. */
  always?: boolean;
  /** Repeats while held; off unless said. */
  repeat?: boolean;
  run: () => void;
  /** Called when the key goes up again (loupe, hide). */
  release?: () => void;
}

export class Keymap {
  private readonly bindings: Binding[] = [];
  private readonly held = new Map<string, Binding>();

  bind(...bindings: Binding[]): this {
    this.bindings.push(...bindings);
    return this;
  }

  /** Start listening; returns the function that ends it. */
  attach(target: Document = document): () => void {
    const blur = (): void => this.releaseAll();
    target.addEventListener("keydown", this.down);
    target.addEventListener("keyup", this.up);
    window.addEventListener("blur", blur);
    return () => {
      target.removeEventListener("keydown", this.down);
      target.removeEventListener("keyup", this.up);
      window.removeEventListener("blur", blur);
    };
  }

  groups(): { group: string; rows: { keys: string[]; words: string }[] }[] {
    const out = new Map<string, { keys: string[]; words: string }[]>();
    for (const { group, keys, words } of this.bindings) {
      if (keys.length === 0) continue;
      const rows = out.get(group) ?? [];
      if (!rows.some((row) => row.words === words)) rows.push({ keys, words });
      out.set(group, rows);
    }
    return [...out].map(([group, rows]) => ({ group, rows }));
  }

  /** The binding that answers this event, or null. Exposed for tests. */
  match(event: Pick<KeyboardEvent, "code" | "key" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey" | "repeat">, typing: boolean): Binding | null {
    if (event.altKey) return null;
    const ctrl = event.ctrlKey || event.metaKey;
    return (
      this.bindings.find(
        (b) =>
          (b.char === undefined ? b.code === event.code && (b.shift ?? false) === event.shiftKey : b.char === event.key) &&
          (b.ctrl ?? false) === ctrl &&
          (!event.repeat || (b.repeat ?? false)) &&
          (!typing || (b.always ?? false)) &&
          (b.when?.() ?? true),
      ) ?? null
    );
  }

  private readonly down = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const target = event.target instanceof Element ? event.target : null;
    const binding = this.match(event, isTyping(target));
    if (!binding) return;
    // Space and Enter belong to the button or link that has the focus.
    if ((event.code === "Space" || event.code === "Enter") && !event.ctrlKey && target?.closest("button, a, summary, select")) return;
    event.preventDefault();
    if (binding.release) this.held.set(event.code, binding);
    binding.run();
  };

  private readonly up = (event: KeyboardEvent): void => {
    this.held.get(event.code)?.release?.();
    this.held.delete(event.code);
  };

  private releaseAll(): void {
    for (const binding of this.held.values()) binding.release?.();
    this.held.clear();
  }
}

function isTyping(target: Element | null): boolean {
  return target?.closest("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]") != null;
}

/** Native dialog with all keys of the page. */
export function keysDialog(keymap: Keymap): HTMLDialogElement {
  const dialog = document.createElement("dialog");
  dialog.className = "dialog keys-dialog";
  dialog.setAttribute("aria-label", gettext("Keys"));
  const title = document.createElement("h2");
  title.textContent = gettext("Keys");
  const columns = document.createElement("div");
  columns.className = "keys-columns";
  for (const { group, rows } of keymap.groups()) {
    const section = document.createElement("section");
    const head = document.createElement("h3");
    head.textContent = group;
    const list = document.createElement("dl");
    for (const row of rows) {
      const term = document.createElement("dt");
      term.append(...row.keys.map((key) => Object.assign(document.createElement("kbd"), { className: "keycap", textContent: key })));
      list.append(term, Object.assign(document.createElement("dd"), { textContent: row.words }));
    }
    section.append(head, list);
    columns.append(section);
  }
  const close = document.createElement("form");
  close.method = "dialog";
  close.append(Object.assign(document.createElement("button"), { className: "button", textContent: gettext("Close") }));
  dialog.append(title, columns, close);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  return dialog;
}
