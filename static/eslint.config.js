import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(js.configs.recommended, tseslint.configs.strict, {
  rules: {
    "@typescript-eslint/no-non-null-assertion": "error",
    "no-restricted-properties": ["error", { property: "innerHTML", message: "build nodes instead: text is never markup" }],
  },
});
