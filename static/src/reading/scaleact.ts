/** Setting the scale by hand: a line on the depth ruler, its length in mm, and a second line where down and across differ. */
import { LEAST_LINE, distance, hasScale, regionOfLine, scalable, spacingOf, type Clip, type Point, type Region, type ScaleLine } from "../viewer/index.ts";
import { gettext, interpolate } from "../viewer/words.ts";
import { ask, fieldRow } from "./dialogs.ts";
import { el } from "./dom.ts";
import type { Draft } from "./draft.ts";

export interface ScaleHost {
  readonly draft: Draft;
  tell(words: string): void;
  /** The scale is set, changed or taken back. */
  done(): void;
  /** The tool stays in hand for the second line. */
  again(): void;
}

export class ScaleAct {
  private readonly host: ScaleHost;
  /** The first of two lines, and whose region it is. */
  private first: { clip: string; region: number; line: ScaleLine } | null = null;

  constructor(host: ScaleHost) {
    this.host = host;
  }

  /** Begin anew; says why nothing can be set on this clip, else nothing. */
  begin(clip: Clip): string {
    this.first = null;
    return scalable(clip.regions).length ? "" : gettext("The scale of this clip stands in the file.");
  }

  async line(clip: Clip, points: [Point, Point]): Promise<void> {
    const region = regionOfLine(clip.regions, points);
    const why = this.refusal(clip, region, points);
    if (why || !region) return this.host.tell(why);
    const first = this.first?.clip === clip.id && this.first.region === region.number ? this.first.line : null;
    const input = el("input", { class: "rd-input rd-mm", type: "number", required: "", min: "1", max: "500", step: "any", inputmode: "decimal", "aria-label": gettext("Length in mm") });
    const differ = el("input", { type: "checkbox", class: "rd-check" });
    const differs = el("label", { class: "rd-checkline" }, differ, gettext("Down and across differ: a second line follows"));
    let both = false;
    const set = await ask({
      title: interpolate(gettext("Set the scale of clip %(clip)s"), { clip: clip.number }) + this.part(clip, region),
      lead: gettext("Your own scale, for your own read: its lengths and areas are marked manual. The file stays as it is."),
      body: [
        fieldRow(gettext("Line"), this.lineWords(points)),
        ...(first ? [fieldRow(gettext("First line"), `${this.lineWords(first.points)} = ${first.mm} mm`)] : []),
        fieldRow(gettext("Length"), input, " mm"),
        ...(first ? [] : [fieldRow("", differs)]),
      ],
      act: gettext("Set scale"),
      ...(hasScale(region) ? { other: { words: gettext("Take the scale back"), run: () => this.put(clip, region, []) } } : {}),
      run: () => {
        const line = { points, mm: Number(input.value) };
        if (!(line.mm >= 1 && line.mm <= 500)) throw new Error(gettext("Give the length in mm, from 1 to 500."));
        if (!first && differ.checked) {
          this.first = { clip: clip.id, region: region.number, line };
          both = true;
          return;
        }
        const lines = first ? [first, line] : [line];
        if (!spacingOf(lines)) throw new Error(gettext("Draw one line down and one across."));
        this.put(clip, region, lines);
      },
    });
    if (!set && !first) this.first = null;
    if (both) {
      this.host.again();
      this.host.tell(gettext("Now draw the second line: along the other direction, over a length that is known."));
    }
  }

  private put(clip: Clip, region: Region, lines: ScaleLine[]): void {
    this.first = null;
    this.host.draft.setScale(clip, region.number, lines);
    this.host.done();
  }

  private refusal(clip: Clip, region: Region | null, points: [Point, Point]): string {
    if (distance(...points) < LEAST_LINE) return interpolate(gettext("A line for the scale is at least %(px)s px long."), { px: LEAST_LINE });
    if (region) return "";
    return scalable(clip.regions).length ? gettext("Both ends of the line must lie in the region it is for.") : gettext("The scale of this clip stands in the file.");
  }

  private part(clip: Clip, region: Region): string {
    return scalable(clip.regions).length > 1 ? interpolate(gettext(", region %(n)s"), { n: region.number }) : "";
  }

  private lineWords([a, b]: [Point, Point]): string {
    const down = Math.abs(b[1] - a[1]) >= Math.abs(b[0] - a[0]);
    return interpolate(down ? gettext("%(px)s px, down") : gettext("%(px)s px, across"), { px: distance(a, b).toFixed(1) });
  }
}
