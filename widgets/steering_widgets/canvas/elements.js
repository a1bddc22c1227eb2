// @ts-check
// The elements of a frame's view, and how its pixels come onto its canvas.

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {(Node | string)[]} children
 */
function node(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/**
 * @param {string} hook
 * @param {string} text
 * @param {string} label
 */
// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
function button(hook, text, label) {
  return node("button", { type: "button", class: `st-tool ${hook}`, title: label, "aria-label": label }, text);
}

/**
 * @param {string} hook
 * @param {string} text
 * @param {string} label
 */
// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
function checkbox(hook, text, label) {
  const box = node("input", { type: "checkbox", class: hook, "aria-label": label });
  return { box, label: node("label", { class: "st-check", title: label }, box, text) };
}

/**
 * Let the browser keep a file.
 *
 * @param {Blob} blob
 * @param {string} name
 */
// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
function download(blob, name) {
  const link = node("a", { download: name });
  link.href = URL.createObjectURL(blob);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {CanvasRenderingContext2D}
 */
function contextOf(canvas) {
  // It is null only where the canvas has another kind of context.
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/**
 * Make a canvas as fine as the screen; gives what to draw with, in the page's pixels, and how large it is in these.
 *
 * @param {HTMLCanvasElement} canvas
 */
// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
function freshCanvas(canvas) {
  const ratio = globalThis.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  canvas.width = Math.max(Math.round(width * ratio), 1);
  canvas.height = Math.max(Math.round(height * ratio), 1);
  const context = contextOf(canvas);
  context.scale(ratio, ratio);
  return { context, width, height };
}

/**
 * @param {{ canvas: HTMLCanvasElement }} parts
 * @param {ImageMessage} message
 * @param {Buffers} buffers
 */
// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
function paint({ canvas }, message, buffers) {
  const [rows, columns] = message.shape;
  const pixels = new Uint8Array(buffers[0].buffer, buffers[0].byteOffset, buffers[0].byteLength);
  const colours = new Uint8Array(buffers[1].buffer, buffers[1].byteOffset, buffers[1].byteLength);
  const table = new Uint32Array(256);
  // Canvas memory is red, green, blue, alpha; every machine that runs a browser is little-endian.
  for (let i = 0; i < 256; i++) {
    table[i] = 0xff000000 | (colours[i * 3 + 2] << 16) | (colours[i * 3 + 1] << 8) | colours[i * 3];
  }
  if (canvas.width !== columns || canvas.height !== rows) {
    canvas.width = columns;
    canvas.height = rows;
  }
  const context = contextOf(canvas);
  const picture = context.createImageData(columns, rows);
  const words = new Uint32Array(picture.data.buffer);
  for (let i = 0; i < pixels.length; i++) words[i] = table[pixels[i]];
  context.putImageData(picture, 0, 0);
  return colours;
}
