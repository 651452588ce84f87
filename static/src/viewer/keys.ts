/**
 * Keymap: keys by physical code (KeyboardEvent.code), so they stay in place on every layout.
 *
 *   keys.bind({ code: "KeyC", keys: ["C"], words: "caliper", group: "tools", run: () => … });
 *   keys.groups()   what the `?` overlay shows
 *
 *   keys.remap({ KeyC: "Shift+KeyQ" })   acts by their default chord; what is not named keeps its own
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

/** A key with what is held: "Ctrl+Shift+KeyB". The default one names an act, also after it was remapped. */
export type ChordName = string;

export function chordName(key: { code: string; shift?: boolean; ctrl?: boolean }): ChordName {
  return `${key.ctrl ? "Ctrl+" : ""}${key.shift ? "Shift+" : ""}${key.code}`;
}

const CAPS: Record<string, string> = {
  Space: "Space", Comma: ",", Period: ".", BracketLeft: "[", BracketRight: "]", Equal: "=", Minus: "−", Semicolon: ";", Quote: "'",
  Slash: "/", Backslash: "\\", Backquote: "`", Delete: "Del", ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Enter: "⏎", Escape: "Esc",
};

/** How a chord stands on keycaps. */
export function chordCaps(chord: ChordName): string[] {
  const parts = chord.split("+");
  const code = parts.pop() ?? "";
  const cap = CAPS[code] ?? code.replace(/^(?:Key|Digit)(?=.$)/, "").replace(/^Numpad/, "Num ");
  return [...parts.map((part) => (part === "Shift" ? "⇧" : part)), cap];
}

/** Keys that stay where they are: moving about, help, and the end of a case. */
const FIXED = /^(?:Arrow|Home|End|Escape|Enter|Tab|Backspace|Numpad|$)/;

/** A key of its own for an act that can be moved; its default chord is its name. */
export interface Act {
  name: ChordName;
  chord: ChordName;
  words: string;
  group: string;
}

export class Keymap {
  private readonly bindings: Binding[] = [];
  private readonly defaults = new Map<Binding, ChordName>();
  private own: Record<ChordName, ChordName> = {};
  private readonly held = new Map<string, Binding>();

  bind(...bindings: Binding[]): this {
    this.bindings.push(...bindings);
    for (const binding of bindings) this.defaults.set(binding, chordName(binding));
    return this;
  }

  /** Acts whose key can be changed, in the order of the overlay. */
  acts(): Act[] {
    return this.bindings.filter(isMovable).map((binding) => {
      const name = this.defaults.get(binding) ?? "";
      return { name, chord: chordName(binding), words: binding.words, group: binding.group };
    });
  }

  /** What differs from the defaults. */
  get changes(): Record<ChordName, ChordName> {
    return { ...this.own };
  }

  /** What already answers a chord, in words; null when it is free. `fixed` keys cannot be taken. */
  taken(chord: ChordName, name: ChordName): { words: string; name: ChordName; fixed: boolean } | null {
    const binding = this.bindings.find((one) => one.char === undefined && chordName(one) === chord && this.defaults.get(one) !== name);
    if (!binding) return null;
    return { words: binding.words || binding.group, name: this.defaults.get(binding) ?? "", fixed: !isMovable(binding) };
  }

  /** Put acts on other chords, in place of all earlier changes. A map that is no longer possible is left out, act by act. */
  remap(own: Record<ChordName, ChordName>): void {
    const movable = this.bindings.filter(isMovable);
    const stay = new Set(this.bindings.filter((one) => !isMovable(one) && one.char === undefined).map(chordName));
    this.own = {};
    for (const binding of movable) this.put(binding, this.defaults.get(binding) ?? "");
    const wanted = new Map(movable.map((one): [Binding, ChordName] => [one, own[this.defaults.get(one) ?? ""] ?? this.defaults.get(one) ?? ""]));
    const counts = new Map<ChordName, number>();
    for (const chord of wanted.values()) counts.set(chord, (counts.get(chord) ?? 0) + 1);
    if ([...counts].some(([chord, n]) => n > 1 || stay.has(chord))) return;
    for (const [binding, chord] of wanted) {
      const name = this.defaults.get(binding) ?? "";
      if (chord === name) continue;
      this.own[name] = chord;
      this.put(binding, chord);
    }
  }

  /** Keycaps of an act as they are now. */
  caps(name: ChordName): string[] {
    return chordCaps(this.own[name] ?? name);
  }

  private put(binding: Binding, chord: ChordName): void {
    const parts = chord.split("+");
    binding.code = parts.at(-1) ?? "";
    binding.shift = parts.includes("Shift");
    binding.ctrl = parts.includes("Ctrl");
    binding.keys = chordCaps(chord);
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

function isMovable(binding: Binding): boolean {
  return binding.words !== "" && binding.char === undefined && !binding.always && !FIXED.test(binding.code);
}

function isTyping(target: Element | null): boolean {
  return target?.closest("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]") != null;
}

/** Native dialog with all keys of the page as they are now; `change` adds the way to change them. */
export function keysDialog(keymap: Keymap, change?: { words: string; run: () => void }): HTMLDialogElement {
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
  if (change) {
    const other = Object.assign(document.createElement("button"), { className: "button", type: "button", textContent: change.words });
    other.addEventListener("click", () => {
      dialog.close();
      change.run();
    });
    close.prepend(other, " ");
  }
  dialog.append(title, columns, close);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  return dialog;
}
