/**
 * Outer wall: drag a diameter for an ellipse, or click points for a closed line (first point, double click or Enter closes).
 * Handles move it, a press on the line adds a point. Where plaque of the active lesion lies at the wall, its thickness
 * along the wall's normal is shown at once; dragging that line along the wall and letting go makes it the lesion's caliper.
 */
import {
  addHandle, circleOver, distance, moveHandle, nearestOn, regionAt, thickest, wallChords, wallLine, wallOf, hasScale,
  type Chord, type Line, type Point, type PointerAt, type Tool, type Wall, type WallChord,
} from "../viewer/index.ts";
import { lengthWords } from "../viewer/calibration.ts";
import { gettext, interpolate } from "../viewer/words.ts";
import { HANDLE, inside, placeCaliper, toSegment, type ToolContext } from "./tools.ts";

interface Drag {
  kind: "handle" | "whole" | "chord" | "new";
  from: Point;
  screen: Point;
  before: Point[] | null;
  wall: Wall | null;
  index: number;
}

interface Chords {
  key: string;
  all: (WallChord | null)[];
  best: WallChord | null;
}

export class WallTool implements Tool {
  readonly name = "wall";
  readonly cursor = "cross";
  /** Points clicked so far. */
  points: Point[] = [];
  hover: Point | null = null;
  /** The handle that the arrow keys move and Delete takes away. */
  selected: number | null = null;
  private readonly context: ToolContext;
  private drag: Drag | null = null;
  /** Where the physician slid the thickness line to, as a point of the line. */
  private slid: number | null = null;
  private known: Chords | null = null;

  constructor(context: ToolContext) {
    this.context = context;
  }

  down(at: PointerAt): boolean {
    if (!this.context.editable()) return false;
    this.context.began();
    if (this.points.length) return this.click(at);
    const before = this.outline();
    const start = { from: at.point, screen: at.screen, before, wall: before && wallOf(before) };
    const chord = this.chord();
    const { toScreen } = this.context.pane;
    if (chord && toSegment(at.screen, toScreen(chord.points[0]), toScreen(chord.points[1])) <= 7) {
      this.drag = { ...start, kind: "chord", index: chord.index };
      return true;
    }
    if (!start.wall) {
      this.drag = { ...start, kind: "new", index: -1 };
      return true;
    }
    return this.grab(start.wall, at, start);
  }

  /** A handle, a new one on the line, or the whole wall; elsewhere the drag pans. */
  private grab(wall: Wall, at: PointerAt, start: Omit<Drag, "kind" | "index">): boolean {
    const { toScreen } = this.context.pane;
    const over = wall.handles.findIndex((handle) => distance(toScreen(handle), at.screen) <= HANDLE);
    this.selected = over >= 0 ? over : null;
    if (over >= 0) {
      this.drag = { ...start, kind: "handle", index: over };
      return true;
    }
    const line = start.before ?? [];
    const near = line[nearestOn(line, at.point)];
    if (near && distance(toScreen(near), at.screen) <= 12) {
      if (at.ctrl) this.drag = { ...start, kind: "whole", index: -1 };
      else {
        const more = addHandle(wall, inside(this.context.clip(), at.point));
        this.selected = more.index;
        this.drag = { ...start, kind: "handle", wall: more.wall, index: more.index };
        this.put(more.wall);
      }
      return true;
    }
    this.context.pane.redraw();
    return false;
  }

  private click(at: PointerAt): boolean {
    const { toScreen } = this.context.pane;
    const [first, last] = [this.points[0], this.points.at(-1)];
    const closes = first && this.points.length > 2 && distance(toScreen(first), at.screen) < HANDLE;
    const doubled = last && this.points.length > 2 && distance(toScreen(last), at.screen) < 4;
    if (closes || doubled) this.finish();
    else if (!last || distance(last, at.point) > 1) this.points.push(inside(this.context.clip(), at.point));
    return true;
  }

  move(points: PointerAt[], held: boolean): void {
    const last = points.at(-1);
    if (!last) return;
    this.hover = inside(this.context.clip(), last.point);
    const drag = this.drag;
    if (!held || !drag) {
      if (this.points.length) this.context.pane.redraw();
      return;
    }
    this.context.pane.lens = drag.kind === "handle";
    const [dx, dy] = [last.point[0] - drag.from[0], last.point[1] - drag.from[1]];
    if (drag.kind === "chord") this.slid = this.chordAt(last.point)?.index ?? this.slid;
    else if (drag.kind === "handle" && drag.wall) this.put(moveHandle(drag.wall, drag.index, this.hover));
    else if (drag.kind === "whole" && drag.wall) {
      this.put({ kind: drag.wall.kind, handles: drag.wall.handles.map(([x, y]): Point => [x + dx, y + dy]) });
    } else if (drag.kind === "new" && distance(drag.screen, last.screen) > 12) {
      const region = regionAt(this.context.clip().regions, drag.from);
      this.put(circleOver(drag.from, this.hover, region && hasScale(region) ? [region.row_mm ?? 1, region.col_mm ?? 1] : [1, 1]));
    }
    this.context.pane.redraw();
  }

  up(): void {
    const drag = this.drag;
    this.drag = null;
    this.context.pane.lens = false;
    if (!drag) return;
    const after = this.outline();
    if (drag.kind === "chord") this.fix();
    else if (drag.kind === "new" && after === drag.before) this.points = [inside(this.context.clip(), drag.from)];
    else if (after !== drag.before) this.context.draft.stepOutline(this.context.clip(), this.context.frame(), drag.before, after);
    if (!this.points.length) this.context.ended();
    this.context.pane.redraw();
  }

  cancel(): void {
    const drag = this.drag;
    this.drag = null;
    this.context.pane.lens = false;
    if (drag && drag.kind !== "chord") this.context.draft.putOutline(this.context.clip(), this.context.frame(), drag.before, false);
    this.points = [];
    this.slid = null;
    this.selected = null;
    this.context.pane.redraw();
  }

  /** Close the line through the clicked points; with none waiting, keep the shown thickness as the caliper. */
  finish(): boolean {
    const points = this.points;
    this.points = [];
    if (!points.length) return this.fix();
    if (points.length >= 3) this.context.draft.putOutline(this.context.clip(), this.context.frame(), this.kept(closed(points)));
    this.context.ended();
    return points.length >= 3;
  }

  /** Arrow keys: the selected handle by a part of a picture pixel. */
  nudge(dx: number, dy: number): boolean {
    const line = this.outline();
    const wall = line && wallOf(line);
    const handle = wall && this.selected !== null ? wall.handles[this.selected] : undefined;
    if (!wall || !handle || this.selected === null || !this.context.editable()) return false;
    const to = inside(this.context.clip(), [handle[0] + dx, handle[1] + dy]);
    this.context.draft.putOutline(this.context.clip(), this.context.frame(), this.kept(moveHandle(wall, this.selected, to)));
    return true;
  }

  /** Delete: the selected point of a line that has more than three, else the wall. */
  remove(): boolean {
    const line = this.outline();
    if (!line || !this.context.editable()) return false;
    const wall = wallOf(line);
    const { selected } = this;
    this.selected = null;
    const handles = wall.handles.filter((_, i) => i !== selected);
    const fewer = selected !== null && wall.kind === "spline" && handles.length >= 3;
    this.context.draft.putOutline(this.context.clip(), this.context.frame(), fewer ? this.kept({ kind: "spline", handles }) : null);
    return true;
  }

  /** The line in progress, and the handles of the wall. */
  lines(): Line[] {
    if (this.points.length) return [{ points: this.hover ? [...this.points, this.hover] : this.points, closed: false, kind: "sketch" }];
    const line = this.outline();
    return line ? [{ points: line, closed: true, kind: "outline", handles: wallOf(line).handles, active: this.selected }] : [];
  }

  /** The thickness line with its length: where it was slid to, else at the thickest place. */
  shown(): Chord[] {
    const chord = this.chord();
    if (!chord) return [];
    const mm = this.spacing() ? chord.length : null;
    const px = distance(...chord.points);
    const words = lengthWords({ mm, px, why: mm === null ? gettext("no scale in the file") : "" });
    const label = interpolate(gettext("%(length)s along the wall’s normal"), { length: words });
    return [{ id: "wall", who: "physician", points: chord.points, label, live: true }];
  }

  private outline(): Point[] | null {
    return this.context.draft.frameMarks(this.context.clip().id, this.context.frame())?.outline ?? null;
  }

  /** Millimetres a pixel of the region that holds the wall; null: pixels. */
  private spacing(): [number, number] | null {
    const line = this.outline();
    const region = line?.[0] ? regionAt(this.context.clip().regions, line[0]) : null;
    const held = region && line?.every((p) => regionAt([region], p));
    return region && held && hasScale(region) ? [region.row_mm ?? 1, region.col_mm ?? 1] : null;
  }

  private chord(): WallChord | null {
    const chords = this.chords();
    return (this.slid === null ? null : chords?.all[this.slid]) ?? chords?.best ?? null;
  }

  private chordAt(point: Point): WallChord | null {
    let best: WallChord | null = null;
    let least = Infinity;
    for (const chord of this.chords()?.all ?? []) {
      const far = chord ? toSegment(point, ...chord.points) : Infinity;
      if (far < least) [best, least] = [chord, far];
    }
    return best;
  }

  /** Worked out once for a wall, a mask and a lesion. */
  private chords(): Chords | null {
    const { draft } = this.context;
    const clip = this.context.clip();
    const frame = this.context.frame();
    const line = this.outline();
    const store = draft.store(clip.id);
    const label = draft.active;
    if (!line || line.length < 3 || !label) return null;
    const key = JSON.stringify([clip.id, frame, label, store.version(frame), line]);
    if (this.known?.key === key) return this.known;
    const shape = store.shape(frame, label);
    const map = store.labels(frame);
    const spacing = this.spacing();
    const inPlaque = (x: number, y: number): boolean => x >= 0 && x < clip.columns && map?.[y * clip.columns + x] === label;
    const all = shape ? wallChords(line, inPlaque, shape.box, spacing) : [];
    const [sy, sx] = spacing ?? [1, 1];
    const around = line.reduce((sum, p, i) => {
      const q = line[(i + 1) % line.length] ?? p;
      return sum + Math.hypot((q[0] - p[0]) * sx, (q[1] - p[1]) * sy);
    }, 0);
    this.known = { key, all, best: thickest(all, around / line.length) };
    return this.known;
  }

  /** The shown line becomes the thickness caliper of the active lesion. */
  private fix(): boolean {
    const chord = this.chord();
    const label = this.context.draft.active;
    this.slid = null;
    if (!chord || !label || !this.context.editable()) return false;
    const { clip } = this.context;
    const points = chord.points.map((p) => inside(clip(), p)) as [Point, Point];
    return placeCaliper(this.context, "thickness", label, points) !== null;
  }

  private put(wall: Wall): void {
    this.context.draft.putOutline(this.context.clip(), this.context.frame(), this.kept(wall), false);
  }

  /** The line of a wall, kept inside the picture: the server takes no point outside it. */
  private kept(wall: Wall): Point[] {
    return wallLine(wall).map((p) => inside(this.context.clip(), p));
  }
}

function closed(points: readonly Point[]): Wall {
  return { kind: "spline", handles: [...points] };
}
