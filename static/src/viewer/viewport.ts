/**
 * Viewport: one pane. A canvas (picture, masks) under an SVG (calipers, ruler, drawing in progress) and four corners of text.
 *
 *   const pane = new Viewport(host, { view, label: "Image" });      host: an empty element that has a size
 *   pane.setClip(frameStore, { fitBox, ruler });                    null empties the pane
 *   pane.layers = { physician: maskStore, model: modelLayer };      MaskLayer: labels(frame), version?(frame)
 *   pane.mode = "fill" | "contour" | "difference" | "hidden";
 *   pane.chords = (frame) => [{ id, who, points, label }];          calipers and model chords, picture pixels
 *   pane.setCorners({ topLeft: [...], topRight: [...], bottomRight: [...], badge: "synthetic" });
 *   pane.tool = tool | null;                                        left button; without a tool it pans
 *   pane.redraw();                                                  after a layer, chord or mode changed
 *
 * Wheel zooms to the cursor, middle drag pans, Shift+drag is window and level, two fingers pan and zoom. Panes that
 * share a View are linked. The frame on screen (host.dataset.frame) follows the View as soon as it is decoded: picture
 * and overlay always belong to the same frame, and pane.frame says which.
 */
import "../css/viewer.css";
import { cornerElements, type Corners } from "./corners.ts";
import type { Box, Point } from "./geometry.ts";
import type { FrameStore } from "./frames.ts";
import { paintLoupe, type Glassed } from "./loupe.ts";
import { chordElement, lineElement, pinElement, rulerElement, svg, type Chord, type Line, type Pin, type RulerTick } from "./overlay.ts";
import { Palm } from "./palm.ts";
import { GreyWindow, Scaled, paintMasks, paintPicture, type LayerMode, type Layers, type Placement } from "./paint.ts";
import type { View } from "./view.ts";

export type { Corners } from "./corners.ts";
export type { Chord, Line, RulerTick } from "./overlay.ts";
export type { LayerMode, LayerStyle, MaskLayer } from "./paint.ts";

export interface PointerAt {
  /** Picture pixels, sub-pixel; may lie outside the picture. */
  point: Point;
  /** Pane pixels. */
  screen: Point;
  shift: boolean;
  ctrl: boolean;
  touch: boolean;
}

export interface Tool {
  readonly name: string;
  /** A class on the host: "cross", "none" (the ring is the cursor) or "default". */
  readonly cursor: "cross" | "none" | "default";
  /** False gives the pointer back: the drag pans. */
  down(at: PointerAt): boolean;
  /** All points since the last call, the newest last. `held` is true between down and up. */
  move(points: PointerAt[], held: boolean): void;
  up(at: PointerAt): void;
  cancel(): void;
}

interface Drag {
  kind: "tool" | "pan" | "window";
  pointer: number;
  last: Point;
}

export interface ViewportOptions {
  view: View;
  label: string;
  /** Called when the pointer goes down here: the pane becomes the active one. */
  onActive?: () => void;
  /** Called before a tool gets the pointer, with the place in picture pixels. */
  onPress?: (point: Point) => void;
}

export class Viewport {
  readonly host: HTMLElement;
  readonly view: View;
  layers: Layers = {};
  /** Strength of all marks, 0 to 1. */
  opacity = 1;
  /** Part of the width at which the first layer ends and the second begins; null lays one over the other. */
  split: number | null = null;
  mode: LayerMode = "fill";
  chords: (frame: number) => readonly Chord[] = () => [];
  lines: (frame: number) => readonly Line[] = () => [];
  pins: (frame: number) => readonly Pin[] = () => [];
  /** Radius in picture pixels of the ring drawn at the pointer, or null. */
  ring: number | null = null;
  loupe = false;
  /** A picture of the clip's size to lay over a frame, or null. */
  cover: (frame: number) => CanvasImageSource | null = () => null;
  /** A smaller glass beside the pointer, for the end that is being dragged. */
  lens = false;
  private readonly canvas = document.createElement("canvas");
  private readonly overlay = svg("svg", { class: "vp-overlay", "aria-hidden": "true" });
  private readonly corners = document.createElement("div");
  private readonly grey = new GreyWindow();
  private readonly scaled = new Scaled();
  private ruler: { key: string; element: SVGGElement } | null = null;
  private cornerKey = "";
  /** The pane has another size now. */
  onSize: () => void = () => undefined;
  private readonly onActive: () => void;
  private readonly onPress: (point: Point) => void;
  private readonly ends: (() => void)[] = [];
  private source: FrameStore | null = null;
  private fitBox: Box = { x0: 0, y0: 0, x1: 1, y1: 1 };
  private ticks: readonly RulerTick[] = [];
  private shown: { frame: number; picture: ImageBitmap } | null = null;
  private current: Tool | null = null;
  private drag: Drag | null = null;
  private readonly touches = new Map<number, Point>();
  private readonly palm = new Palm();
  private pointer: Point | null = null;
  private width = 1;
  private height = 1;
  private queued = false;
  private stopSource: () => void = () => undefined;

  constructor(host: HTMLElement, options: ViewportOptions) {
    this.host = host;
    this.view = options.view;
    this.onActive = options.onActive ?? (() => undefined);
    this.onPress = options.onPress ?? (() => undefined);
    host.classList.add("vp");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", options.label);
    this.corners.className = "vp-corners";
    host.append(this.canvas, this.overlay, this.corners);
    this.ends.push(this.view.subscribe((state, before) => this.viewChanged(state.frame !== before.frame)));
    this.watchSize();
    this.listen();
  }

  /** The frame that is painted; 0 when none. */
  get frame(): number {
    return this.shown?.frame ?? 0;
  }

  get tool(): Tool | null {
    return this.current;
  }

  set tool(tool: Tool | null) {
    this.current?.cancel();
    this.current = tool;
    this.host.dataset["cursor"] = tool?.cursor ?? "default";
    this.ring = null;
    this.redraw();
  }

  setClip(source: FrameStore | null, options: { fitBox?: Box | null; ruler?: readonly RulerTick[] } = {}): void {
    this.stopSource();
    this.source = source;
    this.shown = null;
    this.ticks = options.ruler ?? [];
    this.ruler = null;
    this.scaled.clear();
    if (source) {
      this.fitBox = options.fitBox ?? { x0: 0, y0: 0, x1: source.cols, y1: source.rows };
      this.stopSource = source.on((event) => {
        if (event.kind === "frame" && event.frame === this.view.state.frame) this.showFrame();
      });
    }
    this.showFrame();
    this.redraw();
  }

  setRuler(ticks: readonly RulerTick[]): void {
    this.ticks = ticks;
    this.ruler = null;
    this.redraw();
  }

  /** Change what "fit" shows, in picture pixels. */
  setFitBox(box: Box): void {
    this.fitBox = box;
    this.redraw();
  }

  setCorners(corners: Corners): void {
    const key = corners.action ? "" : JSON.stringify(corners);
    if (key !== "" && key === this.cornerKey) return;
    this.cornerKey = key;
    this.corners.replaceChildren(...cornerElements(corners));
  }

  /** Draw once in the next animation frame, however often it is asked. */
  redraw(): void {
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      this.draw();
    });
  }

  /** Screen pixels a picture pixel. */
  get scale(): number {
    return this.fitScale * this.view.state.zoom;
  }

  toScreen = (point: Point): Point => {
    const at = this.placement();
    return [point[0] * at.scale + at.x, point[1] * at.scale + at.y];
  };

  /** Pane pixels to picture pixels. */
  toPicture(screen: Point): Point {
    const at = this.placement();
    return [(screen[0] - at.x) / at.scale, (screen[1] - at.y) / at.scale];
  }

  /** The picture pixel under the pointer, or null while it is elsewhere. */
  get pointed(): Point | null {
    return this.pointer && this.toPicture(this.pointer);
  }

  oneToOne(): void {
    this.view.set({ zoom: 1 / this.fitScale });
  }

  zoomAt(screen: Point, factor: number): void {
    const fixed = this.toPicture(screen);
    const zoom = Math.min(40, Math.max(0.2, this.view.state.zoom * factor));
    const scale = this.fitScale * zoom;
    const [mx, my] = this.middle;
    this.view.set({
      zoom,
      panX: fixed[0] - (screen[0] - this.width / 2) / scale - mx,
      panY: fixed[1] - (screen[1] - this.height / 2) / scale - my,
    });
  }

  panBy(dx: number, dy: number): void {
    const { panX, panY } = this.view.state;
    this.view.set({ panX: panX - dx / this.scale, panY: panY - dy / this.scale });
  }

  dispose(): void {
    this.stopSource();
    for (const end of this.ends) end();
    this.host.replaceChildren();
  }

  private get fitScale(): number {
    const { x0, y0, x1, y1 } = this.fitBox;
    return Math.max(0.01, Math.min(this.width / Math.max(1, x1 - x0), this.height / Math.max(1, y1 - y0)));
  }

  private get middle(): Point {
    return [(this.fitBox.x0 + this.fitBox.x1) / 2, (this.fitBox.y0 + this.fitBox.y1) / 2];
  }

  private placement(): Placement {
    const { panX, panY } = this.view.state;
    const scale = this.scale;
    const [mx, my] = this.middle;
    return {
      scale,
      x: this.width / 2 - (mx + panX) * scale,
      y: this.height / 2 - (my + panY) * scale,
      dpr: window.devicePixelRatio || 1,
    };
  }

  private viewChanged(frameChanged: boolean): void {
    if (frameChanged) {
      if (this.drag?.kind === "tool") this.current?.cancel();
      this.source?.focus(this.view.state.frame);
      this.showFrame();
    }
    this.redraw();
  }

  /** Paint the wanted frame when it is decoded; until then the last one stays, with its own overlay. */
  private showFrame(): void {
    const source = this.source;
    const frame = this.view.state.frame;
    if (!source) return;
    const picture = source.peek(frame);
    if (picture) {
      this.shown = { frame, picture };
      this.redraw();
      return;
    }
    void source.want(frame).then((late) => {
      if (!late || this.source !== source || this.view.state.frame !== frame) return;
      this.shown = { frame, picture: late };
      this.redraw();
    });
  }

  private draw(): void {
    const ctx = this.canvas.getContext("2d");
    if (!ctx) return;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const at = this.placement();
    if (this.shown) this.paint(ctx, at);
    if (this.shown && this.loupe && this.pointer) paintLoupe(ctx, at, { pointer: this.pointer, centre: this.pointer, factor: 3, radius: 96 }, this.inGlass(ctx));
    else if (this.shown && this.lens && this.pointer) paintLoupe(ctx, at, { pointer: this.pointer, centre: this.besides(this.pointer), factor: 4, radius: 60 }, this.inGlass(ctx));
    this.drawOverlay();
    this.host.dataset["frame"] = String(this.frame);
  }

  private paint(ctx: CanvasRenderingContext2D, at: Placement): void {
    const shown = this.shown;
    const cols = this.source?.cols ?? 0;
    if (!shown) return;
    const still = this.source?.peek(shown.frame) ?? null;
    if (!still) {
      this.shown = null;
      this.showFrame();
      return;
    }
    const { window: width, level, invert } = this.view.state;
    this.scaled.paint(ctx, this.grey.apply(still, width, level, invert), `${shown.frame}/${width}/${level}/${invert}`, at);
    const cover = this.cover(shown.frame);
    if (cover) paintPicture(ctx, cover, at);
    const split = this.split === null ? null : this.split * this.width;
    paintMasks(ctx, { mode: this.mode, layers: this.layers, opacity: this.opacity, split }, shown.frame, cols, at);
  }

  /** Where the small glass goes: up and to the left of the pointer, or wherever there is room. */
  private besides([x, y]: Point): Point {
    return [x > 170 ? x - 96 : x + 96, y > 170 ? y - 96 : y + 96];
  }

  private inGlass(ctx: CanvasRenderingContext2D): Glassed {
    return { paint: (at) => this.paint(ctx, at), chords: this.mode === "hidden" ? [] : this.chords(this.frame) };
  }

  private drawOverlay(): void {
    const parts: SVGElement[] = [];
    if (this.shown && this.ticks.length) parts.push(this.rulerNow());
    if (this.shown && this.mode !== "hidden" && !this.loupe) {
      for (const line of this.lines(this.frame)) parts.push(lineElement(line, this.toScreen));
      for (const chord of this.chords(this.frame)) parts.push(chordElement(chord, this.toScreen));
      for (const pin of this.pins(this.frame)) parts.push(pinElement(pin, this.toScreen));
    }
    if (this.ring !== null && this.pointer) {
      const attributes = { class: "vp-ring", cx: this.pointer[0], cy: this.pointer[1], r: Math.max(2, this.ring * this.scale) };
      parts.push(svg("circle", attributes));
    }
    const same = parts.length === this.overlay.childElementCount && parts.every((part, i) => part === this.overlay.children[i]);
    if (!same) this.overlay.replaceChildren(...parts);
  }

  /** The depth ruler, made anew only when it moved. */
  private rulerNow(): SVGGElement {
    const { scale, x, y } = this.placement();
    const key = `${scale}/${x}/${y}/${this.width}/${this.height}`;
    if (this.ruler?.key !== key) this.ruler = { key, element: rulerElement(this.ticks, this.rulerScreen, this.height) };
    return this.ruler.element;
  }

  /** Ruler ticks stand at the right edge of the pane when the picture's edge is beyond it. */
  private rulerScreen = (point: Point): Point => {
    const [x, y] = this.toScreen(point);
    return [Math.min(this.width - 18, x), y];
  };

  private watchSize(): void {
    const resize = (): void => {
      const box = this.host.getBoundingClientRect();
      const dpr = window.devicePixelRatio || 1;
      this.width = Math.max(1, box.width);
      this.height = Math.max(1, box.height);
      this.canvas.width = Math.max(1, Math.round(this.width * dpr));
      this.canvas.height = Math.max(1, Math.round(this.height * dpr));
      this.draw();
      this.onSize();
    };
    const observer = new ResizeObserver(resize);
    observer.observe(this.host);
    const dense = matchMedia("(resolution: 1dppx)");
    dense.addEventListener("change", resize);
    this.ends.push(
      () => observer.disconnect(),
      () => dense.removeEventListener("change", resize),
    );
    resize();
  }

  private listen(): void {
    const on = <K extends keyof HTMLElementEventMap>(name: K, handler: (event: HTMLElementEventMap[K]) => void, passive = false): void => {
      this.host.addEventListener(name, handler, { passive });
      this.ends.push(() => this.host.removeEventListener(name, handler));
    };
    on("pointerdown", (event) => this.pointerDown(event));
    on("pointermove", (event) => this.pointerMove(event));
    on("pointerup", (event) => this.pointerUp(event, false));
    on("pointercancel", (event) => this.pointerUp(event, true));
    on("pointerleave", () => {
      this.pointer = null;
      this.redraw();
    });
    on("wheel", (event) => {
      event.preventDefault();
      this.zoomAt(this.screenOf(event), Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0015)));
    });
    on("contextmenu", (event) => event.preventDefault());
    on("auxclick", (event) => event.preventDefault());
  }

  private screenOf(event: { clientX: number; clientY: number }): Point {
    const box = this.host.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  private at(event: PointerEvent): PointerAt {
    const screen = this.screenOf(event);
    return { point: this.toPicture(screen), screen, shift: event.shiftKey, ctrl: event.ctrlKey, touch: event.pointerType === "touch" };
  }

  private pointerDown(event: PointerEvent): void {
    if (event.pointerType === "pen") {
      this.palm.pen(event.timeStamp, true);
      this.touches.clear();
    }
    const use = event.pointerType === "touch" ? this.palm.touch(event.timeStamp, event.width, event.height) : "draw";
    if (use === "ignore") return event.preventDefault();
    this.onActive();
    const screen = this.screenOf(event);
    this.pointer = screen;
    this.host.setPointerCapture(event.pointerId);
    if (event.pointerType === "touch") {
      this.touches.set(event.pointerId, screen);
      if (this.touches.size === 2) {
        if (this.drag?.kind === "tool") this.current?.cancel();
        this.drag = null;
        return;
      }
    }
    if (event.button === 1) this.drag = { kind: "pan", pointer: event.pointerId, last: screen };
    else if (event.button === 0 && event.shiftKey) this.drag = { kind: "window", pointer: event.pointerId, last: screen };
    else if (event.button === 0) {
      const editable = this.frame === this.view.state.frame;
      this.onPress(this.toPicture(screen));
      const taken = use === "draw" && this.current !== null && editable && this.current.down(this.at(event));
      this.drag = { kind: taken ? "tool" : "pan", pointer: event.pointerId, last: screen };
    }
    event.preventDefault();
    this.redraw();
  }

  private pointerMove(event: PointerEvent): void {
    if (event.pointerType === "pen") this.palm.pen(event.timeStamp, event.buttons !== 0);
    // A resting hand: it was not taken when it came down.
    if (event.pointerType === "touch" && !this.touches.has(event.pointerId)) return;
    const screen = this.screenOf(event);
    this.pointer = screen;
    if (this.touches.size === 2 && this.touches.has(event.pointerId)) {
      this.pinch(event.pointerId, screen);
      return;
    }
    const drag = this.drag;
    if (!drag || drag.kind === "tool") {
      if (drag && drag.pointer !== event.pointerId) return;
      const events = event.getCoalescedEvents?.() ?? [];
      this.current?.move((events.length ? events : [event]).map((one) => this.at(one)), drag !== null);
    } else if (drag.kind === "pan") {
      this.panBy(screen[0] - drag.last[0], screen[1] - drag.last[1]);
    } else {
      const { window: width, level } = this.view.state;
      this.view.set({ window: width + (screen[0] - drag.last[0]), level: level - (screen[1] - drag.last[1]) / 2 });
    }
    if (drag) drag.last = screen;
    this.redraw();
  }

  private pinch(pointer: number, screen: Point): void {
    const before = this.touches.get(pointer) ?? screen;
    const other = [...this.touches].find(([id]) => id !== pointer)?.[1] ?? screen;
    const spread = (a: Point): number => Math.max(1, Math.hypot(a[0] - other[0], a[1] - other[1]));
    this.touches.set(pointer, screen);
    this.panBy((screen[0] - before[0]) / 2, (screen[1] - before[1]) / 2);
    this.zoomAt([(screen[0] + other[0]) / 2, (screen[1] + other[1]) / 2], spread(screen) / spread(before));
  }

  private pointerUp(event: PointerEvent, cancelled: boolean): void {
    if (event.pointerType === "pen") this.palm.pen(event.timeStamp, false);
    this.touches.delete(event.pointerId);
    const drag = this.drag;
    if (!drag || drag.pointer !== event.pointerId) return;
    this.drag = null;
    if (drag.kind === "tool") {
      if (cancelled) this.current?.cancel();
      else this.current?.up(this.at(event));
    }
    this.redraw();
  }
}
