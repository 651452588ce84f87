/** How well each clip can be read, as the reader says it, and what of it is not saved yet. */
import type { ClipQuality } from "./types.ts";

export class ClipQualities {
  private readonly by = new Map<string, ClipQuality>();
  private readonly dirty = new Set<string>();

  load(clips: readonly ClipQuality[]): void {
    this.by.clear();
    this.dirty.clear();
    this.lay(clips);
  }

  /** Over what is here; not dirty. */
  lay(clips: readonly ClipQuality[]): void {
    for (const one of clips) this.by.set(one.clip, structuredClone(one));
  }

  get(clip: string): ClipQuality {
    return this.by.get(clip) ?? { clip, quality: null, reasons: [] };
  }

  put(one: ClipQuality): void {
    this.by.set(one.clip, structuredClone(one));
    this.dirty.add(one.clip);
  }

  all(): ClipQuality[] {
    return [...this.by.values()];
  }

  /** Put back what stood. */
  restore(clips: readonly ClipQuality[]): void {
    for (const clip of new Set([...this.by.keys(), ...clips.map((one) => one.clip)])) {
      const one = clips.find((kept) => kept.clip === clip) ?? { clip, quality: null, reasons: [] };
      if (JSON.stringify(one) !== JSON.stringify(this.get(clip))) this.put(one);
    }
  }

  take(): ClipQuality[] {
    const changed = [...this.dirty].map((clip) => structuredClone(this.get(clip)));
    this.dirty.clear();
    return changed;
  }
}
