/** Parts of the script that only some pages need come by themselves. */
import { gettext } from "../viewer/words.ts";
import { toast } from "./toasts.ts";

let leaving = false;
addEventListener("beforeunload", () => { leaving = true; });
addEventListener("pageshow", () => { leaving = false; });

/** Load a part and start it. Who leaves before it has come is told nothing; who stays without it is told what to do. */
export function part<M>(load: () => Promise<M>, start: (module: M) => void): void {
  load().then(start, () => {
    if (!leaving) toast(gettext("A part of this page did not come. Reload the page."), "bad");
  });
}
