// @ts-check
// Takes the clicks on a card's buttons before they go to the kernel as they are.

/** @param {Place<Model<{ key: string }, PressHeard, PressSent>>} place */
async function render({ model, el }) {
  await beHeard(model);
  const { line, say } = pressLine();
  el.append(line);
  const seen = () => {
    /** @type {NodeListOf<HTMLInputElement> | undefined} */
    const fields = panel?.querySelectorAll("input, select");
    return [...(fields ?? [])].map((one) => one.value).join("\n");
  };
  const presses = new Presses((message) => model.send(message), say, seen);
  const receive = (/** @type {PressHeard} */ message) => presses.receive(message);
  model.on("msg:custom", receive);

  const click = (/** @type {MouseEvent} */ event) => {
    /** @type {HTMLElement | null} */
    const button = /** @type {Element} */ (event.target).closest?.("button.st-guarded");
    if (!button || button.closest(".st-panel") !== panel) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    // The kernel gives each button that is guarded a key.
    const name = /** @type {string} */ ([...button.classList].find((one) => one.startsWith("st-key-")));
    const question = button.dataset.question ?? "";
    const go = () => presses.press(name.slice("st-key-".length), button.textContent.trim());
    const asked = button.classList.contains("st-asks") ? button.title : question;
    if (!asked) return go();
    say(`${asked}?`, [
      [button.textContent.trim(), go],
      ["Leave it", () => say("", [])],
    ]);
  };
  // Enter in a field presses the card's button for that, as in any form.
  const enter = (/** @type {KeyboardEvent} */ event) => {
    const field = /** @type {Element} */ (event.target);
    if (event.key !== "Enter" || !panel || field.tagName !== "INPUT" || field.closest(".st-panel") !== panel) return;
    /** @type {NodeListOf<HTMLButtonElement>} */
    const buttons = panel.querySelectorAll("button.st-enter");
    const pressed = [...buttons].find(canBeReached);
    if (!pressed) return;
    event.preventDefault();
    pressed.click();
  };
  /** @type {HTMLElement | null} */
  let panel = null;
  /** @type {KeptFocus | null} */
  let kept = null;
  // The card is in the page a moment after what is in it.
  const bind = () => {
    panel = el.closest(".st-panel");
    if (panel) {
      panel.addEventListener("click", click, true);
      panel.addEventListener("keydown", enter, true); // the field itself lets no key out
      kept = new KeptFocus(panel);
    } else waiting = requestAnimationFrame(bind);
  };
  let waiting = requestAnimationFrame(bind);

  return () => {
    cancelAnimationFrame(waiting);
    panel?.removeEventListener("click", click, true);
    panel?.removeEventListener("keydown", enter, true);
    kept?.close();
    model.off("msg:custom", receive);
    presses.close();
  };
}

export default { render };
