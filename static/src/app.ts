/** What every page needs: styles, keys, toasts, dialogs, rows that can be walked. */
import "bootstrap/dist/css/bootstrap-reboot.min.css";
import "./css/fonts.css";
import "./css/tokens.css";
import "./css/base.css";
import "./css/shell.css";
import "./css/components.css";
import "./css/pages.css";
import "./css/prepare.css";
import "./css/worklist.css";
import { startDialogs } from "./base/dialogs.ts";
import { startFills } from "./base/fills.ts";
import { startKeys } from "./base/keys.ts";
import { startLive } from "./base/live.ts";
import { startLogout } from "./base/logout.ts";
import { part } from "./base/parts.ts";
import { startRows } from "./base/rows.ts";
import { startScrollers } from "./base/scrollers.ts";
import { startToasts } from "./base/toasts.ts";

startToasts();
startDialogs();
startRows();
startLive();
startFills();
startKeys();
startLogout();
startScrollers();

if (document.querySelector("[data-upload]")) part(() => import("./upload/main.ts"), (upload) => { upload.startUpload(); });
if (document.querySelector("[data-guide-open]")) part(() => import("./guide/main.ts"), (guide) => { guide.startGuide(); });
if (document.querySelector("[data-worklist]")) part(() => import("./worklist/main.ts"), (list) => { list.startWorklist(); });
