/** What helps a save that is stuck: the password in place, both versions of a conflict, or another try. */
import { askPassword } from "./dialogs.ts";
import type { Draft } from "./draft.ts";
import { logIn, signedIn, type Person, type Session } from "./session.ts";
import { settle } from "./settle.ts";

export class Mending {
  private readonly session: () => Session;
  private readonly draft: Draft;
  private readonly person: Person;
  private readonly tell: (words: string) => void;
  private asking = false;

  constructor(session: () => Session, draft: Draft, person: Person, tell: (words: string) => void) {
    this.session = session;
    this.draft = draft;
    this.person = person;
    this.tell = tell;
  }

  /** Help a save that is stuck. */
  async mend(): Promise<void> {
    const { autosave } = this.session();
    const { state } = autosave;
    if (this.asking) return;
    this.asking = true;
    try {
      if (state.kind === "conflict") await this.settle();
      else if (state.kind === "password" && !(await signedIn())) await this.logInAgain();
      else if (state.kind !== "saved") await autosave.flush();
    } finally {
      this.asking = false;
    }
  }

  async logInAgain(): Promise<void> {
    const back = await askPassword(this.person.name, (password) => logIn(this.person.username, password));
    if (back) await this.session().autosave.flush();
  }

  settle(): Promise<void> {
    return settle(this.session(), this.draft, this.tell);
  }
}
