import { existsSync } from "node:fs";
import { defineConfig } from "vitest/config";

// One entry a page with its own script; names are what the templates ask for.
const entries = [
  "src/app.ts", "src/reading/opening.ts", "src/reading/main.ts", "src/compare/main.ts", "src/agreement/main.ts", "src/gallery/main.ts", "src/adjudicate/main.ts",
  "src/player/main.ts", "src/rounds/main.ts", "src/prepare/main.ts", "src/protocol/main.ts",
  "src/agreement/paper.ts",
];

export default defineConfig({
  base: "/static/dist/",
  build: {
    outDir: "dist",
    manifest: true,
    target: "es2022",
    assetsInlineLimit: 0, // the content security policy allows no data: fonts
    chunkSizeWarningLimit: 700,
    rollupOptions: {
      input: entries.filter((entry) => existsSync(entry)),
      // The viewer is one file: fetched once for all pages with pictures, in one request, and its size can be watched.
      // Words and calls to the server are apart: pages without pictures need those only.
      output: {
        codeSplitting: {
          groups: [
            { name: "base", test: /src\/(viewer\/(api|early|words)|reading\/says)\.ts/, priority: 2 },
            { name: "viewer", test: /src\/viewer\/(?!keys)/, priority: 1 },
          ],
        },
      },
    },
  },
  test: { include: ["src/**/__tests__/*.test.ts"] },
});
