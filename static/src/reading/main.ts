/** Entry of the reading page: opens the assignment named by the page and shows it. */
import "../css/reading.css";
import { gettext } from "../viewer/words.ts";
import { el, icon } from "./dom.ts";
import { ReadingPage } from "./page.ts";
import { opening } from "./opening.ts";
import { previewIn } from "./preview.ts";
import { openTrial, trialOf } from "./trial.ts";

async function begin(root: HTMLElement): Promise<void> {
  const { username = "", name = "" } = root.dataset;
  const wait = root.querySelector(".rd-wait");
  if ("preview" in root.dataset) return previewIn(root, { username, name: name || username }, wait);
  try {
    const trial = trialOf(root.dataset["trial"]);
    const assignment = await (trial ? openTrial(trial) : opening);
    if (!assignment) throw new Error(gettext("The page names no case."));
    const read = assignment.read;
    if (!read) throw new Error(gettext("This case has no read to write in."));
    if (assignment.clips.length === 0) throw new Error(gettext("This case has no clip to read."));
    wait?.remove();
    await new ReadingPage(root, assignment, read, { username, name: name || username }).start();
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    wait?.replaceChildren(icon("bad", "is-bad"), ` ${gettext("The case did not open:")} ${words} `, again());
  }
}

function again(): HTMLElement {
  const made = el("button", { type: "button", class: "rd-btn" }, gettext("Try again"));
  made.addEventListener("click", () => window.location.reload());
  return made;
}

const root = document.getElementById("reading");
if (root) void begin(root);
