/** One looping thumbnail of the contact sheet with what is said of its clip. */
import { frameAt, timeline } from "../viewer/cine.ts";
import { gettext, interpolate } from "../viewer/words.ts";
import { sampled, shownAt, type SheetClip } from "./model.ts";

const MOST_FRAMES = 14;
const WIDTH = 480;
let running = 0;
const waiting: (() => void)[] = [];

/** No more than four pictures at once, so that what is seen first comes first. */
async function turn<T>(run: () => Promise<T>): Promise<T> {
  if (running >= 4) await new Promise<void>((go) => waiting.push(go));
  running++;
  try {
    return await run();
  } finally {
    running--;
    waiting.shift()?.();
  }
}

export interface TileWords {
  segments: ReadonlyMap<string, string>;
  views: ReadonlyMap<string, string>;
  uses: ReadonlyMap<string, string>;
}

export class Tile {
  readonly root = document.createElement("div");
  readonly clip: SheetClip;
  private readonly canvas = document.createElement("canvas");
  private readonly place = document.createElement("b");
  private readonly use = document.createElement("span");
  private readonly flag = document.createElement("span");
  private readonly words: TileWords;
  private readonly samples: number[];
  private readonly pictures: (ImageBitmap | undefined)[] = [];
  private readonly starts: number[];
  private readonly total: number;
  private loading = false;
  private drawn = -1;

  constructor(clip: SheetClip, words: TileWords, onChoose: () => void) {
    this.clip = clip;
    this.words = words;
    this.samples = sampled(clip.frames, MOST_FRAMES);
    const { starts, total } = timeline(clip.frame_times_ms, clip.frames);
    this.starts = starts;
    this.total = total;
    this.canvas.width = WIDTH;
    this.canvas.height = Math.round((WIDTH * clip.rows) / Math.max(clip.columns, 1));
    this.root.className = "tile";
    this.root.id = `tile-${clip.id}`;
    this.root.setAttribute("role", "option");
    this.root.tabIndex = -1;
    this.root.dataset["clip"] = clip.id;
    this.root.addEventListener("click", onChoose);
    const picture = document.createElement("div");
    picture.className = "tile-picture";
    picture.append(clip.hidden ? this.notShown() : this.canvas);
    const number = document.createElement("span");
    number.className = "tile-number";
    const length = clip.frames > 1 ? interpolate(gettext("%(n)s frames"), { n: clip.frames }) : gettext("still");
    const spoken = document.createElement("span");
    spoken.className = "visually-hidden";
    spoken.textContent = `${gettext("Clip")} `;
    number.append(spoken, `${clip.number} · ${length}`);
    const foot = document.createElement("div");
    foot.className = "tile-foot";
    this.use.className = "tile-use";
    this.flag.className = "badge ask tile-flag";
    this.flag.textContent = gettext("measurement");
    foot.append(this.place, this.use);
    if (clip.synthetic) {
      const badge = document.createElement("span");
      badge.className = "badge unreal tile-synthetic";
      badge.textContent = gettext("synthetic");
      picture.append(badge);
    }
    picture.append(number, this.flag);
    this.root.append(picture, foot);
    this.say();
  }

  /** Write what is said of the clip. */
  say(): void {
    const { segment, view, use, use_reason, calipers } = this.clip;
    this.root.dataset["use"] = use;
    this.place.textContent = [this.words.segments.get(segment) ?? gettext("no segment"), this.words.views.get(view) ?? view].join(" · ");
    this.place.classList.toggle("is-missing", segment === "" && use === "read");
    const words = this.words.uses.get(use) ?? use;
    this.use.textContent = use_reason ? `${words}: ${use_reason}` : words;
    this.use.title = this.use.textContent;
    this.flag.hidden = !calipers;
  }

  choose(chosen: boolean): void {
    this.root.setAttribute("aria-selected", String(chosen));
    this.root.tabIndex = chosen ? 0 : -1;
  }

  /** Fetch the pictures; once, when the tile comes into sight. */
  load(failed: (clip: number) => void): void {
    if (this.loading || this.clip.hidden) return;
    this.loading = true;
    for (const [index, frame] of this.samples.entries()) {
      void turn(async () => {
        const response = await fetch(this.clip.frame_url.replace("%7Bn%7D", "{n}").replace("{n}", String(frame)), { credentials: "same-origin" });
        if (!response.ok) throw new Error(String(response.status));
        this.pictures[index] = await createImageBitmap(await response.blob(), { resizeWidth: WIDTH, resizeQuality: "medium" });
        if (this.drawn < 0) this.draw(index);
      }).catch(() => { if (index === 0) failed(this.clip.number); });
    }
  }

  /** Show the frame of this moment, in ms since the sheet began to play. */
  tick(elapsed: number): void {
    if (this.samples.length < 2) return;
    this.draw(shownAt(this.samples, frameAt(this.starts, this.total, elapsed, true)));
  }

  private draw(index: number): void {
    const picture = this.pictures[index];
    if (!picture || index === this.drawn) return;
    this.drawn = index;
    this.canvas.getContext("2d")?.drawImage(picture, 0, 0, this.canvas.width, this.canvas.height);
    this.root.dataset["ready"] = "true";
  }

  private notShown(): HTMLElement {
    const words = document.createElement("p");
    words.className = "tile-hidden";
    words.textContent = gettext("Not shown: a measurement is drawn in, and you still read this study blind.");
    return words;
  }
}
