// @ts-check
/**
 * Keeps the keyboard's place in a card.
 *
 * What has the focus may go with what it did: a pressed button gives its place to another one, a field of the form that
 * starts a scan to the one that steers it, a suggestion goes once it is accepted. The browser then begins again at the top
 * of the page. Whoever works with keys stays in the card, or beside it; but never where the next Enter would start a scan:
 * who steers one that has just ended means that one.
 */

const REDRAWN_MS = 1000; // so long a field that is drawn anew is waited for

/** @param {HTMLElement} one */
const canBeReached = (one) => one.isConnected && one.offsetParent !== null && !(/** @type {HTMLButtonElement} */ (one).disabled);

// biome-ignore lint/correctness/noUnusedVariables: the file of a widget with buttons follows this one.
class KeptFocus {
  /** @param {HTMLElement} panel A card. */
  constructor(panel) {
    this.panel = panel;
    /** @type {HTMLElement | null} */
    this.held = null; // what has the focus, or had it when it went
    this.name = ""; // of the parameter that it starts a scan with
    this.timer = 0;
    this.took = (/** @type {FocusEvent} */ event) => {
      const one = /** @type {HTMLElement} */ (event.target);
      if (one.closest(".st-panel") !== panel) return;
      this.held = one;
      this.name = parameterOf(one, "start");
      this.forget();
    };
    this.left = (/** @type {FocusEvent} */ event) => {
      // Somebody who clicks beside it wants it to be left; what is hidden is left without anybody's doing.
      if (event.relatedTarget) this.held = null;
      else requestAnimationFrame(() => this.look());
    };
    // What is taken out of the page is left without an event.
    this.changes = new MutationObserver(() => this.look());
    panel.addEventListener("focusin", this.took);
    panel.addEventListener("focusout", this.left);
    this.changes.observe(panel, { childList: true, subtree: true });
  }

  look() {
    const { held, panel } = this;
    if (!held || document.activeElement !== document.body) return;
    if (held.isConnected && canBeReached(held)) {
      this.held = null;
      return;
    }
    // Who types goes on typing: no button may get that Enter.
    const typed = held.matches("input, select");
    const field = this.field();
    if (field || !this.name) return this.go(field ?? (typed ? undefined : this.button()) ?? placeOf(panel));
    this.timer ||= setTimeout(() => this.go(placeOf(panel)), REDRAWN_MS);
  }

  /** @param {HTMLElement | undefined} place */
  go(place) {
    this.held = null;
    this.forget();
    // This may hold it next, and go as well.
    if (document.activeElement === document.body) place?.focus({ preventScroll: true });
  }

  forget() {
    clearTimeout(this.timer);
    this.timer = 0;
  }

  /** The field that steers the same parameter. */
  field() {
    if (!this.name) return undefined;
    /** @type {NodeListOf<HTMLElement>} */
    const fields = this.panel.querySelectorAll("input, select");
    return [...fields].find((one) => parameterOf(one, "param") === this.name && canBeReached(one));
  }

  button() {
    /** @type {NodeListOf<HTMLElement>} */
    const buttons = this.panel.querySelectorAll("button.st-enter:not(.st-start), .st-buttons button:not(.st-start)");
    return [...buttons].find(canBeReached);
  }

  close() {
    this.forget();
    this.changes.disconnect();
    this.panel.removeEventListener("focusin", this.took);
    this.panel.removeEventListener("focusout", this.left);
  }
}

/**
 * Name the parameter whose field this is; empty for anything else.
 *
 * @param {HTMLElement} one
 * @param {"start" | "param"} kind Of a scan that is to be started, or of the one that runs.
 */
function parameterOf(one, kind) {
  const hook = `st-${kind}-`;
  const entry = one.matches("input, select") ? one.closest(`[class*='${hook}']`) : null;
  return [...(entry?.classList ?? [])].find((name) => name.startsWith(hook))?.slice(hook.length) ?? "";
}

/**
 * The card itself, or the one before it where it is no more seen.
 *
 * @param {HTMLElement} panel
 */
function placeOf(panel) {
  /** @type {NodeListOf<HTMLElement>} */
  const panels = document.querySelectorAll(".st-panel");
  const before = [...panels].filter(
    (one) => canBeReached(one) && (one === panel || one.compareDocumentPosition(panel) & Node.DOCUMENT_POSITION_FOLLOWING),
  );
  const place = before.at(-1);
  if (place) place.tabIndex = -1;
  return place;
}
