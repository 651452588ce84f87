/**
 * View: what several panes share. One View for three panes links their frame, zoom, pan and window.
 *
 * zoom is relative to "fit" (1 = the whole picture fits the pane); panX, panY are the picture point in the middle of
 * the pane, measured in picture pixels from the middle of the fitted box, so panes of different size stay linked.
 */
export interface ViewState {
  frame: number;
  zoom: number;
  panX: number;
  panY: number;
  /** Displayed grey: width and centre, 0 to 255. 256 / 128 leaves the picture as it is. */
  window: number;
  level: number;
  invert: boolean;
}

export const REST: Readonly<ViewState> = {
  frame: 1,
  zoom: 1,
  panX: 0,
  panY: 0,
  window: 256,
  level: 128,
  invert: false,
};

export class View {
  private current: ViewState;
  private readonly listeners = new Set<(state: ViewState, before: ViewState) => void>();

  constructor(start: Partial<ViewState> = {}) {
    this.current = { ...REST, ...start };
  }

  get state(): Readonly<ViewState> {
    return this.current;
  }

  set(change: Partial<ViewState>): void {
    const before = this.current;
    const after = { ...before, ...change };
    after.zoom = Math.min(40, Math.max(0.2, after.zoom));
    after.window = Math.min(512, Math.max(2, after.window));
    after.level = Math.min(255, Math.max(0, after.level));
    const keys = Object.keys(after) as (keyof ViewState)[];
    if (keys.every((key) => after[key] === before[key])) return;
    this.current = after;
    for (const listener of this.listeners) listener(after, before);
  }

  fit(): void {
    this.set({ zoom: 1, panX: 0, panY: 0 });
  }

  /** Called after every change; returns the function that ends it. */
  subscribe(listener: (state: ViewState, before: ViewState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
