/** Contact sheet: looping thumbnails, and one key for each thing that is said of a clip. */
import { openDialog } from "../base/dialogs.ts";
import { showKeys } from "../base/keys.ts";
import { toast } from "../base/toasts.ts";
import { call, post } from "../viewer/api.ts";
import { gettext, interpolate } from "../viewer/words.ts";
import { Steps, preparedOf, sums, type Prepared, type SheetClip, type Step } from "./model.ts";
import { Tile, type TileWords } from "./tile.ts";

interface Choice {
  key: string;
  words: string;
}

interface SheetData {
  clips: SheetClip[];
  prepared: boolean;
  clip_url: string;
  done_url: string;
  previous_url: string | null;
  next_url: string | null;
  waiting_url: string | null;
  segments: Choice[];
  views: Choice[];
  uses: Choice[];
  reasons: string[];
}

const NO_CLIP = "00000000-0000-0000-0000-000000000000";
const SIZES = ["small", "medium", "large"] as const;

class Sheet {
  private readonly root: HTMLElement;
  private readonly data: SheetData;
  private readonly tiles: Tile[];
  private readonly steps = new Steps();
  private readonly sumsLine = document.querySelector<HTMLElement>("[data-prepare-sums]");
  private at = 0;
  private size = 1;
  private playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  private elapsed = 0;
  private last = 0;
  /** Saves go one after the other, so that what was pressed last holds. */
  private queued = 0;
  private line: Promise<void> = Promise.resolve();

  constructor(root: HTMLElement, data: SheetData) {
    this.root = root;
    this.data = data;
    const map = (choices: Choice[]): Map<string, string> => new Map(choices.map(({ key, words }) => [key, words]));
    const words: TileWords = { segments: map(data.segments), views: map(data.views), uses: map(data.uses) };
    this.tiles = data.clips.map((clip, index) => new Tile(clip, words, () => { this.choose(index); }));
    root.append(...this.tiles.map((tile) => tile.root));
    const seen = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        const tile = this.tiles.find((one) => one.root === target);
        tile?.load((number) => { toast(interpolate(gettext("Clip %(n)s did not load."), { n: number }), "bad"); });
        seen.unobserve(target);
      }
    }, { rootMargin: "200px" });
    for (const tile of this.tiles) seen.observe(tile.root);
    document.addEventListener("keydown", (event) => { this.key(event); });
    document.querySelector("[data-prepare-done]")?.addEventListener("click", () => { this.done(); });
    document.querySelector("[data-prepare-undo]")?.addEventListener("click", () => { this.back(); });
    this.setSize(1);
    this.sum();
    this.choose(0);
    requestAnimationFrame(this.tick);
  }

  private readonly tick = (now: number): void => {
    if (this.playing && this.last) this.elapsed += now - this.last;
    this.last = now;
    if (this.playing) for (const tile of this.tiles) tile.tick(this.elapsed);
    requestAnimationFrame(this.tick);
  };

  private get tile(): Tile | undefined {
    return this.tiles[this.at];
  }

  private choose(index: number): void {
    if (!this.tiles[index]) return;
    this.tile?.choose(false);
    this.at = index;
    const { root } = this.tiles[index];
    this.tiles[index].choose(true);
    root.focus({ preventScroll: true });
    root.scrollIntoView({ block: "nearest" });
  }

  /** Tiles of one row, counted from where they stand. */
  private get across(): number {
    const top = this.tiles[0]?.root.offsetTop ?? 0;
    return Math.max(1, this.tiles.filter((tile) => tile.root.offsetTop === top).length);
  }

  private change(change: Partial<Prepared>): void {
    const { tile } = this;
    if (tile) this.save(tile, change, true);
  }

  private save(tile: Tile, change: Partial<Prepared>, step: boolean): void {
    const shown = preparedOf(tile.clip);
    Object.assign(tile.clip, change);
    tile.say();
    this.sum();
    this.queued++;
    this.line = this.line.then(async () => {
      this.queued--;
      try {
        const answer = await call<Prepared>("PATCH", this.data.clip_url.replace(NO_CLIP, tile.clip.id), { body: change });
        const after = preparedOf(answer.data);
        if (step) this.steps.push({ clip: tile.clip.id, before: shown, after });
        if (!this.queued) Object.assign(tile.clip, after);
      } catch (error) {
        Object.assign(tile.clip, shown);
        toast(error instanceof Error ? error.message : String(error), "bad");
      }
      tile.say();
      this.sum();
    });
  }

  private back(): void {
    void this.line.then(() => { this.put(this.steps.undo(), "before"); });
  }

  private forth(): void {
    void this.line.then(() => { this.put(this.steps.redo(), "after"); });
  }

  private put(step: Step | null, which: "before" | "after"): void {
    if (!step) {
      toast(which === "before" ? gettext("Nothing to undo on this page.") : gettext("Nothing to redo."));
      return;
    }
    const index = this.tiles.findIndex(({ clip }) => clip.id === step.clip);
    const tile = this.tiles[index];
    if (!tile) return;
    this.choose(index);
    this.save(tile, { ...step[which] }, false);
  }

  private aside(): void {
    const { tile } = this;
    if (!tile) return;
    const dialog = document.createElement("dialog");
    dialog.className = "narrow prepare-aside";
    const title = document.createElement("h2");
    title.id = "aside-title";
    title.textContent = interpolate(gettext("Set clip %(n)s aside"), { n: tile.clip.number });
    dialog.setAttribute("aria-labelledby", title.id);
    const head = document.createElement("div");
    head.className = "dialog-head";
    head.append(title);
    const body = document.createElement("div");
    body.className = "dialog-body";
    const give = (reason: string): void => {
      dialog.close();
      this.save(tile, { use: "aside", use_reason: reason }, true);
    };
    for (const [index, reason] of this.data.reasons.entries()) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button";
      const cap = document.createElement("kbd");
      cap.className = "keycap";
      cap.textContent = String(index + 1);
      button.append(cap, reason);
      button.addEventListener("click", () => { give(reason); });
      body.append(button);
    }
    const form = document.createElement("form");
    form.className = "field";
    const input = document.createElement("input");
    input.maxLength = 200;
    input.setAttribute("aria-label", gettext("Another reason"));
    input.placeholder = gettext("Another reason, then ⏎");
    form.append(input);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (input.value.trim()) give(input.value.trim());
    });
    body.append(form);
    dialog.append(head, body);
    dialog.addEventListener("keydown", (event) => {
      if (event.target === input) return;
      const reason = /^(?:Digit|Numpad)([1-9])$/.exec(event.code);
      const words = reason ? this.data.reasons[Number(reason[1]) - 1] : undefined;
      if (!words) return;
      event.preventDefault();
      give(words);
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      tile.root.focus();
    });
    document.body.append(dialog);
    openDialog(dialog);
    body.querySelector("button")?.focus();
  }

  private done(): void {
    void this.line.then(async () => {
      try {
        await post(this.data.done_url, { done: true });
        if (this.data.waiting_url) location.assign(this.data.waiting_url);
        else toast(gettext("Prepared. No other study waits."));
      } catch (error) {
        toast(error instanceof Error ? error.message : String(error), "bad");
      }
    });
  }

  private setSize(size: number): void {
    this.size = Math.max(0, Math.min(SIZES.length - 1, size));
    this.root.dataset["size"] = SIZES[this.size] ?? "medium";
    this.tile?.root.scrollIntoView({ block: "nearest" });
  }

  private sum(): void {
    if (!this.sumsLine) return;
    const { read, reference, aside, flagged, without } = sums(this.data.clips);
    const parts = [
      interpolate(gettext("%(n)s to read"), { n: read }),
      interpolate(gettext("%(n)s for reference"), { n: reference }),
      interpolate(gettext("%(n)s set aside"), { n: aside }),
      flagged ? interpolate(gettext("%(n)s with a measurement drawn in"), { n: flagged }) : "",
      without ? interpolate(gettext("%(n)s to read without a segment"), { n: without }) : "",
    ];
    this.sumsLine.textContent = parts.filter(Boolean).join(" · ");
  }

  private readonly acts: Record<string, () => void> = {
    ArrowRight: () => { this.choose(this.at + 1); },
    ArrowLeft: () => { this.choose(this.at - 1); },
    ArrowDown: () => { this.choose(Math.min(this.tiles.length - 1, this.at + this.across)); },
    ArrowUp: () => { this.choose(Math.max(0, this.at - this.across)); },
    Home: () => { this.choose(0); },
    End: () => { this.choose(this.tiles.length - 1); },
    KeyA: () => { this.change({ segment: "ascending" }); },
    KeyR: () => { this.change({ segment: "arch" }); },
    KeyD: () => { this.change({ segment: "descending" }); },
    Digit0: () => { this.change({ segment: "" }); },
    KeyS: () => { this.change({ view: "SAX" }); },
    KeyL: () => { this.change({ view: "LAX" }); },
    KeyO: () => { this.change({ view: "oblique" }); },
    KeyU: () => { this.change({ view: "unknown" }); },
    Digit1: () => { this.change({ use: "read" }); },
    Digit2: () => { this.change({ use: "reference" }); },
    Digit3: () => { this.aside(); },
    KeyM: () => { this.change({ calipers: !this.tile?.clip.calipers }); },
    Space: () => { this.playing = !this.playing; },
    Minus: () => { this.setSize(this.size - 1); },
    Equal: () => { this.setSize(this.size + 1); },
    BracketLeft: () => { document.querySelector<HTMLElement>("[data-prepare-previous]")?.click(); },
    BracketRight: () => { document.querySelector<HTMLElement>("[data-prepare-next]")?.click(); },
    Enter: () => { this.done(); },
  };

  private key(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]")) return;
    if ((event.ctrlKey || event.metaKey) && event.code === "KeyZ") {
      event.preventDefault();
      if (event.shiftKey) this.forth();
      else this.back();
      return;
    }
    if (event.ctrlKey || event.metaKey) return;
    if (event.key === "?") {
      showKeys();
      return;
    }
    const target = event.target instanceof Element ? event.target : null;
    const onControl = target?.closest("a, button, summary, input");
    if (onControl && (event.code === "Enter" || event.code === "Space")) return;
    const act = event.shiftKey ? undefined : this.acts[event.code];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

const root = document.querySelector<HTMLElement>("[data-prepare]");
const source = document.getElementById("prepare-sheet");
if (root && source) new Sheet(root, JSON.parse(source.textContent) as SheetData);
