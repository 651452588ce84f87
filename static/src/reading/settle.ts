/** The same case was changed in two windows: show both, and take the one that the reader chooses. */
import { differenceWords } from "./conflict.ts";
import { askStale } from "./dialogs.ts";
import type { Draft } from "./draft.ts";
import type { Session } from "./session.ts";

export async function settle(session: Session, draft: Draft, tell: (words: string) => void): Promise<void> {
  // The read with every mask: what the refusal carries may leave masks out.
  const current = await session.current().catch((error: unknown) => {
    tell(error instanceof Error ? error.message : String(error));
    return null;
  });
  if (!current) return;
  const { theirs, mine } = differenceWords(draft, current);
  await askStale({
    theirs,
    mine,
    takeTheirs: () => {
      void session.autosave.takeTheirs(current).then(() => draft.load(current));
    },
    keepMine: () => {
      const body = session.autosave.keepMine(current);
      draft.load(current);
      draft.apply(body);
    },
  });
}
