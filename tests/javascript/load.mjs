// The pages' code, as a widget has it: its files one after another, and of them what a test asks for by name.

import { readFileSync } from "node:fs";

const ROOT = new URL("../../widgets/steering_widgets/", import.meta.url);

/**
 * @param {string[]} files Below `steering_widgets`, in the order in which Python joins them.
 * @param {string[]} names Functions, classes and constants at their top level.
 */
export function load(files, names) {
  const code = files.map((file) => readFileSync(new URL(file, ROOT), "utf-8")).join("\n");
  const script = code.replace(/^export default .*$/m, "");
  return new Function(`${script}\nreturn { ${names.join(", ")} };`)();
}
