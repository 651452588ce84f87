/** Three views that go together: frame, zoom and pan can be linked or not; the active one leads. */
import { View, type ViewState } from "../viewer/view.ts";

export type LinkName = "frame" | "zoom" | "pan";

const PARTS: Record<LinkName, (keyof ViewState)[]> = { frame: ["frame"], zoom: ["zoom"], pan: ["panX", "panY"] };
const ALWAYS: (keyof ViewState)[] = ["window", "level", "invert"];

export class LinkedViews {
  readonly views: View[];
  private readonly linked: Record<LinkName, boolean> = { frame: true, zoom: true, pan: true };
  private readonly listeners = new Set<() => void>();
  private lead = 0;
  private copying = false;

  constructor(count: number) {
    this.views = Array.from({ length: count }, () => new View());
    this.views.forEach((view, at) => {
      view.subscribe(() => {
        if (!this.copying) this.copyFrom(at);
        for (const listener of this.listeners) listener();
      });
    });
  }

  /** The view that keys act on. */
  get active(): View {
    return this.views[this.lead] ?? this.one(0);
  }

  activate(at: number): void {
    this.lead = at;
    for (const listener of this.listeners) listener();
  }

  isLinked(name: LinkName): boolean {
    return this.linked[name];
  }

  /** Link or unlink; linking again follows the active view. */
  toggle(name: LinkName): boolean {
    this.linked[name] = !this.linked[name];
    if (this.linked[name]) this.copyFrom(this.lead);
    return this.linked[name];
  }

  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  private one(at: number): View {
    const view = this.views[at];
    if (!view) throw new RangeError(`no view ${at}`);
    return view;
  }

  private copyFrom(at: number): void {
    const from = this.one(at).state;
    const names = (Object.keys(PARTS) as LinkName[]).filter((name) => this.linked[name]);
    const keys = [...ALWAYS, ...names.flatMap((name) => PARTS[name])];
    const change: Partial<ViewState> = Object.fromEntries(keys.map((key) => [key, from[key]]));
    this.copying = true;
    try {
      this.views.forEach((view, i) => {
        if (i !== at) view.set(change);
      });
    } finally {
      this.copying = false;
    }
  }
}
