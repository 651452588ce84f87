/** Which region of a clip is in view: the one a place names, or chosen by button, or that a closer look stands on. */
import { regionAt, type Region } from "../viewer/calibration.ts";
import type { Point } from "../viewer/geometry.ts";
import { gettext, interpolate } from "../viewer/words.ts";
import type { ClipCurve } from "./types.ts";

/** The curve of a region; the first one where it has none. */
export function curveOf(curves: readonly ClipCurve[] | undefined, region: number): ClipCurve | undefined {
  return curves?.find((one) => one.region === region) ?? curves?.[0];
}

/** What stands under the heading: the unit, or why there is no area. */
export function unitWords(curve: ClipCurve | undefined): string {
  if (curve?.view === "LAX") return gettext("long axis: no area");
  return curve?.unit === "px" ? gettext("px, no scale in the file") : "mm²";
}

export class RegionInView {
  private readonly button: HTMLElement | null;
  private curves: readonly ClipCurve[] = [];
  private looked: number | null = null;
  number = 1;

  constructor(root: ParentNode, onChoose: () => void) {
    this.button = root.querySelector<HTMLElement>("[data-curve-region]");
    this.button?.addEventListener("click", () => {
      const at = this.curves.findIndex((one) => one.region === this.number);
      this.choose(this.curves[(at + 1) % this.curves.length]?.region ?? this.number);
      onChoose();
    });
  }

  /** Another clip: its regions, the first of which is in view until something else is said. */
  setClip(curves: readonly ClipCurve[] | undefined): void {
    this.curves = curves ?? [];
    this.looked = null;
    this.choose(this.curves[0]?.region ?? 1);
  }

  /** Take a region that the clip has; 0 and unknown ones change nothing. Tell whether it changed. */
  choose(region: number): boolean {
    const changed = region !== this.number && this.curves.some((one) => one.region === region);
    if (changed) this.number = region;
    this.say();
    return changed;
  }

  /** Follow a closer look: once its middle comes to stand in another region, that one is in view. */
  follow(regions: readonly Region[], middle: Point, zoomed: boolean): boolean {
    const region = zoomed ? (regionAt(regions, middle)?.number ?? null) : null;
    if (region === this.looked) return false;
    this.looked = region;
    return region !== null && this.choose(region);
  }

  get curve(): ClipCurve | undefined {
    return curveOf(this.curves, this.number);
  }

  private say(): void {
    if (!this.button) return;
    this.button.hidden = this.curves.length < 2;
    const at = { n: this.curves.findIndex((one) => one.region === this.number) + 1, of: this.curves.length };
    this.button.textContent = interpolate(gettext("region %(n)s of %(of)s"), at);
  }
}
