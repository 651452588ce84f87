/** Region grow: press on the plaque, drag right or up for more, left or down for less; what would be taken is shown at once. */
import { growRegion, regionAt, type Box, type Point, type PointerAt, type Tool } from "../viewer/index.ts";
import { gettext } from "../viewer/words.ts";
import { finishStroke, type ToolContext } from "./tools.ts";

/** Screen pixels of drag for one grey value. */
const DRAG = 3;

interface Growing {
  grey: Uint8Array;
  seed: Point;
  screen: Point;
  label: number;
  mark: number;
  start: number;
}

export class GrowTool implements Tool {
  readonly name = "grow";
  readonly cursor = "cross";
  private readonly context: ToolContext;
  private growing: Growing | null = null;

  constructor(context: ToolContext) {
    this.context = context;
  }

  down(at: PointerAt): boolean {
    const { draft, settings } = this.context;
    const grey = this.context.grey();
    if (!this.context.editable() || !grey) return false;
    this.context.began();
    const mark = draft.history.mark;
    const label = draft.activeLesion(this.context.clip()).number;
    this.growing = { grey, seed: at.point, screen: at.screen, label, mark, start: settings.tolerance };
    this.store.begin(this.context.frame());
    this.show();
    return true;
  }

  move(points: PointerAt[], held: boolean): void {
    const last = points.at(-1);
    const growing = this.growing;
    if (!held || !growing || !last) return;
    const drag = last.screen[0] - growing.screen[0] - (last.screen[1] - growing.screen[1]);
    const tolerance = Math.min(128, Math.max(1, Math.round(growing.start + drag / DRAG)));
    if (tolerance === this.context.settings.tolerance) return;
    this.context.settings.tolerance = tolerance;
    this.show();
    this.context.changed();
  }

  up(): void {
    const growing = this.growing;
    this.growing = null;
    if (!growing) return;
    const { seed, label, mark } = growing;
    finishStroke(this.context, { at: seed, label, mark, source: "grown" });
    if (this.context.draft.history.mark === mark) this.context.refused(gettext("Nothing grew: another lesion is here."));
  }

  cancel(): void {
    if (this.growing) this.store.cancel();
    this.growing = null;
  }

  /** The stroke anew with the tolerance as it is now. */
  private show(): void {
    const growing = this.growing;
    if (!growing) return;
    const { columns } = this.context.clip();
    const { label, grey, seed } = growing;
    this.store.restore();
    const map = this.store.labels(this.context.frame());
    const free = (index: number): boolean => !map?.[index] || map[index] === label;
    const shape = growRegion(grey, columns, seed, this.context.settings.tolerance, this.bounds(seed), free);
    if (shape) this.store.add(shape, label);
    this.context.pane.redraw();
  }

  /** The region that holds the seed: plaque does not go on beyond it. */
  private bounds(seed: Point): Box {
    const { regions, rows, columns } = this.context.clip();
    const region = regionAt(regions, seed);
    return region ? { x0: region.x0, y0: region.y0, x1: region.x1 + 1, y1: region.y1 + 1 } : { x0: 0, y0: 0, x1: columns, y1: rows };
  }

  private get store() {
    return this.context.draft.store(this.context.clip().id);
  }
}
