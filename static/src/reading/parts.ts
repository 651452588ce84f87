/** Parts of the reading page with what their buttons do. Head, panel and guide follow from the protocol: a preview builds them anew. */
import { gettext, interpolate } from "../viewer/words.ts";
import { Bar } from "./bar.ts";
import { ReadingGuide } from "./guide.ts";
import { Head } from "./head.ts";
import { againstFinding } from "./nothing.ts";
import type { ReadingPage } from "./page.ts";
import { Panel } from "./panel.ts";
import { corrects, signsHere } from "./policy.ts";
import { Rail } from "./rail.ts";

export function headOf(page: ReadingPage): Head {
  return new Head(page.assignment, { leave: () => void page.leave(), keys: () => page.showKeys(), guide: () => page.guide?.toggle(), mend: () => void page.mending.mend() });
}

export function panelOf(page: ReadingPage): Panel {
  const { assignment, draft } = page;
  return new Panel(draft, {
    complete: () => void page.complete(),
    skip: () => void page.skip(),
    reopen: () => void page.reopen(),
    sign: () => void page.sign(),
    next: () => page.goTo(assignment.next_url ?? assignment.worklist_url),
    addLesion: () => page.addLesion(),
    none: () => page.editing(() => draft.noneInAnySeen()),
    finding: (segment, change) => {
      const lesion = againstFinding(draft, segment, change);
      if (lesion === null) draft.setFinding(segment, change);
      else page.tell(interpolate(gettext("Lesion %(n)s is in this segment: move or remove it first."), { n: lesion }));
    },
    extent: (extent) => page.extent(extent),
    go: (id, frame) => page.goToFrame(id, frame),
    keyFrameHere: (number) => page.keyFrameHere(number),
    remove: (number) => page.editing(() => draft.removeLesion(number)),
    here: () => ({ clip: page.stage.current.id, frame: page.stage.frame }),
    signsHere: signsHere(assignment),
    corrects: corrects(page.read),
    correctUrl: assignment.correct_url,
  }, page.asked);
}

export function guideOf(page: ReadingPage): ReadingGuide | null {
  const { guide, version } = page.assignment.protocol;
  return ReadingGuide.of(guide, version, page.main, page.panel.root, () => page.stage.toolName);
}

export function railOf(page: ReadingPage): Rail {
  return new Rail({
    tool: (name) => page.stage.setTool(name),
    copy: () => page.copyToNext(),
    between: () => page.fillBetween(),
    carry: () => page.beginCarry(),
    loupe: (on) => page.loupe(on),
    hide: (on) => page.hide(on),
    keys: () => page.showKeys(),
  });
}

export function barOf(page: ReadingPage): Bar {
  return new Bar({
    step: (by) => page.stage.step(by),
    play: () => page.stage.play(),
    seek: (frame) => page.stage.go(frame),
    loop: () => {
      page.stage.clock.loop = !page.stage.clock.loop;
      page.showClock();
    },
    speed: () => page.faster(page.stage.clock.speed >= 2 ? -1 : 1),
    nextMark: () => page.nextMark(1),
  });
}

/** Where a preview is asked to end a case. */
export function noEnd(): string {
  return gettext("A preview keeps nothing: complete, skip and sign in a test read.");
}
