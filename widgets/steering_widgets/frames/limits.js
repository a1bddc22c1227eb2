// @ts-check
// Fields and switches for how a frame is drawn.

/**
 * Read a limit that was typed: its counts, nothing for an empty field (it is then found), or what is wrong.
 *
 * @param {string} text
 * @param {"low" | "high"} side
 * @param {Levels} shown
 * @param {string} units
 * @returns {{ value?: number, wrong?: string }}
 */
function readLimit(text, side, shown, units) {
  const written = text.trim();
  if (!written) return {};
  const value = Number(written);
  const name = side === "low" ? "The darkest" : "The brightest";
  if (!Number.isFinite(value)) {
    return { wrong: `${name}: “${written.slice(0, 40)}” is no number of ${units}. Write one such as 120, or leave it empty for automatic.` };
  }
  const [other, word, what] = side === "low" ? [shown.high, "below", "brightest"] : [shown.low, "above", "darkest"];
  if (side === "low" ? value < other : value > other) return { value };
  return { wrong: `${name}, ${value} ${units}, must be ${word} the ${what}, ${shortNumber(other)} ${units}. Change that one first.` };
}

// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
class Limits {
  /**
   * @param {ImageModel} model
   * @param {SetTraits} set
   */
  constructor(model, set) {
    this.model = model;
    this.set = set;
    /** @type {Levels | null} */
    this.shown = null;
    const units = model.get("units");
    this.map = node("select", { class: "st-colour-map", "aria-label": "Colour map", title: "Colour map" });
    for (const name of model.get("colour_maps")) this.map.append(node("option", { value: name }, name));
    this.scale = node("select", { class: "st-scale-name", "aria-label": "Scale", title: "How counts become colours" },
      ...["linear", "log", "sqrt"].map((name) => node("option", { value: name }, name)));
    const field = (/** @type {string} */ hook, /** @type {string} */ name) => node("input", {
      type: "text", inputmode: "decimal", class: `st-count ${hook}`, "aria-label": `${name} ${units}`,
      title: `${name} ${units}; leave empty for automatic`, placeholder: "auto", autocomplete: "off",
    });
    this.fields = { low: field("st-low", "Darkest"), high: field("st-high", "Brightest") };
    const auto = (/** @type {string} */ hook, /** @type {string} */ name) =>
      checkbox(hook, "auto", `Find the ${name} ${units} in each frame`);
    this.autos = { low: auto("st-auto-low", "darkest"), high: auto("st-auto-high", "brightest") };
    this.lock = checkbox("st-lock", "Lock", "Keep the limits when other frames come");
    this.said = node("div", { class: "st-limits-said", role: "status", "aria-live": "polite" });
    this.root = node("div", { class: "st-levels" },
      node("span", { class: "st-range" }, "From", this.fields.low, this.autos.low.label),
      node("span", { class: "st-range" }, "to", this.fields.high, units, this.autos.high.label),
      this.lock.label);
    this.map.addEventListener("change", () => set({ colour_map: this.map.value }));
    this.scale.addEventListener("change", () => set({ scale: /** @type {ScaleName} */ (this.scale.value) }));
    this.lock.box.addEventListener("change", () => set({ locked: this.lock.box.checked }));
    for (const side of /** @type {const} */ (["low", "high"])) {
      this.fields[side].addEventListener("change", () => this.typed(side));
      this.fields[side].addEventListener("keydown", (event) => {
        if (event.key === "Enter") this.typed(side);
      });
      this.autos[side].box.addEventListener("change", () => this.fix(side, !this.autos[side].box.checked));
    }
    this.write = this.write.bind(this);
    for (const name of Limits.names) model.on(`change:${name}`, this.write);
    this.write();
  }

  /** @type {readonly (keyof ImageTraits)[]} */
  static names = ["colour_map", "scale", "auto_low", "auto_high", "locked", "low", "high"];

  close() {
    for (const name of Limits.names) this.model.off(`change:${name}`, this.write);
  }

  /** @param {ImageMessage} message A frame that is on the screen. */
  show({ low, high, scale }) {
    this.shown = { low, high, scale };
    this.write();
  }

  write() {
    const locked = this.model.get("locked");
    this.map.value = this.model.get("colour_map");
    this.scale.value = this.model.get("scale");
    this.lock.box.checked = locked;
    for (const side of /** @type {const} */ (["low", "high"])) {
      const field = this.fields[side];
      const { box } = this.autos[side];
      box.checked = this.model.get(`auto_${side}`);
      box.disabled = locked; // what is locked is not found anew
      const found = box.checked && !locked;
      const value = found ? this.shown?.[side] : this.model.get(side);
      if (document.activeElement !== field && !field.matches("[aria-invalid=true]")) {
        field.value = value === undefined ? "" : String(found && this.shown ? rounded(value, this.shown) : Number(value.toPrecision(6)));
      }
    }
  }

  /** @param {"low" | "high"} side */
  typed(side) {
    const field = this.fields[side];
    const shown = this.shown ?? { low: -Infinity, high: Infinity, scale: "linear" };
    const { value, wrong } = readLimit(field.value, side, shown, this.model.get("units"));
    field.setAttribute("aria-invalid", String(wrong !== undefined));
    this.said.textContent = wrong ?? "";
    if (wrong) return;
    if (value === undefined) this.set(side === "low" ? { auto_low: true, locked: false } : { auto_high: true, locked: false });
    else this.set(side === "low" ? { low: value, auto_low: false } : { high: value, auto_high: false });
  }

  /**
   * Keep a limit where it is, or find it in each frame.
   *
   * @param {"low" | "high"} side
   * @param {boolean} fixed
   */
  fix(side, fixed) {
    const value = this.shown?.[side] ?? this.model.get(side);
    if (side === "low") this.set({ auto_low: !fixed, low: value });
    else this.set({ auto_high: !fixed, high: value });
  }
}
