/** Keys of one's own: kept with the person on the server, so that they are the same at every computer of the hospital. */
import { call, chordCaps, chordName, type Act, type Keymap } from "../viewer/index.ts";
import { gettext, interpolate } from "../viewer/words.ts";
import { button, el, keycap, setCaps } from "./dom.ts";

/** From the page; anything else than chords is no map. */
export function ownKeys(text = "{}"): Record<string, string> {
  try {
    const given: unknown = JSON.parse(text);
    if (typeof given !== "object" || given === null) return {};
    return Object.fromEntries(Object.entries(given).filter((pair): pair is [string, string] => typeof pair[1] === "string"));
  } catch {
    return {};
  }
}

export function labelCaps(keys: Keymap): void {
  const one = (chord: string): string => chordCaps(chord).join("");
  setCaps(new Map(Object.entries(keys.changes).map(([name, chord]) => [one(name), one(chord)])));
}

/**
 * What follows when an act is to go to a chord: the new map, or why not. With `swap`, the act that holds the chord takes
 * the other one's in turn.
 */
export function moved(keys: Keymap, name: string, chord: string, swap: boolean): { map: Record<string, string> } | { taken: string; fixed: boolean } {
  const map = new Map(Object.entries(keys.changes));
  const holder = keys.taken(chord, name);
  if (holder && (holder.fixed || !swap)) return { taken: holder.words, fixed: holder.fixed };
  const put = (act: string, to: string): void => {
    if (to === act) map.delete(act);
    else map.set(act, to);
  };
  if (holder) put(holder.name, map.get(name) ?? name);
  put(name, chord);
  return { map: Object.fromEntries(map) };
}

/** Dialog: press the key of an act, then the new one. Every change is saved at once. */
export function changeKeys(keys: Keymap, shown: () => void): void {
  const problem = el("p", { class: "rd-keys-problem", role: "alert" });
  const list = el("div", { class: "keys-columns" });
  const dialog = el("dialog", { class: "dialog keys-dialog", "aria-label": gettext("Change keys") });
  let waiting: Act | null = null;

  const save = async (map: Record<string, string>): Promise<void> => {
    const before = keys.changes;
    keys.remap(map);
    render();
    shown();
    try {
      await call("PUT", "/api/v1/me/keys/", { body: { keys: keys.changes } });
    } catch (error) {
      keys.remap(before);
      render();
      shown();
      problem.textContent = interpolate(gettext("Not saved: %(detail)s"), { detail: error instanceof Error ? error.message : String(error) });
    }
  };
  const press = (act: Act, chord: string): void => {
    waiting = null;
    const next = moved(keys, act.name, chord, false);
    if ("map" in next) return void save(next.map);
    render();
    const key = chordCaps(chord).join(" ");
    if (next.fixed) {
      problem.textContent = interpolate(gettext("%(key)s stays where it is: %(words)s."), { key, words: next.taken });
      return;
    }
    const swap = button({ class: "rd-btn" }, () => {
      const swapped = moved(keys, act.name, chord, true);
      if ("map" in swapped) void save(swapped.map);
    }, gettext("Swap the two"));
    problem.replaceChildren(interpolate(gettext("%(key)s is “%(words)s” already."), { key, words: next.taken }), " ", swap);
    swap.focus();
  };
  const render = (): void => {
    problem.replaceChildren();
    const groups = new Map<string, HTMLElement>();
    for (const act of keys.acts()) {
      const group = groups.get(act.group) ?? el("section", {}, el("h3", {}, act.group));
      groups.set(act.group, group);
      const asked = waiting?.name === act.name;
      const cap = asked ? gettext("press a key") : keycap(...chordCaps(act.chord));
      const made = button({ class: `rd-act rd-keys-row${asked ? " is-on" : ""}`, "aria-pressed": String(asked) }, () => {
        waiting = asked ? null : act;
        render();
        list.querySelector<HTMLElement>(".is-on")?.focus();
      }, cap, el("span", {}, act.words));
      group.append(made);
    }
    list.replaceChildren(...groups.values());
  };
  dialog.addEventListener("keydown", (event) => {
    if (!waiting || /^(?:Shift|Control|Alt|Meta)/.test(event.code)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.code === "Escape") {
      waiting = null;
      render();
    } else press(waiting, chordName({ code: event.code, shift: event.shiftKey, ctrl: event.ctrlKey || event.metaKey }));
  });
  const foot = el("footer", {}, button({ class: "rd-btn" }, () => void save({}), gettext("Restore the defaults")), button({ class: "rd-btn" }, () => dialog.close(), gettext("Close")));
  const lead = el("p", { class: "rd-faint" }, gettext("Choose an act, then press its new key. Keys are physical places: they hold in every input mode."));
  dialog.append(el("h2", {}, gettext("Change keys")), lead, problem, list, foot);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  render();
  dialog.showModal();
}
