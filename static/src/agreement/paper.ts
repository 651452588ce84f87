/** A frozen report on paper: the browser prints it, or saves it as PDF. */

import "./paper.css";

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    window.print();
  });
}
