// @ts-check
/**
 * A press of a button on its way to the kernel.
 *
 * A busy kernel takes what it is sent when its cell is over, which may be long after the press, when the person has done
 * something else since. So the kernel first asks whether the press still holds, and acts on the answer. A press that is
 * young is confirmed by itself; of an old one the person is asked; until then it can be taken back.
 */

/**
 * @typedef {object} Press
 * @property {string} id
 * @property {string} button Which button, to the kernel.
 * @property {string} name What stands on it.
 * @property {number} at When it was made (milliseconds of the page).
 * @property {string} seen What stood in the fields then.
 * @property {boolean} agreed Whether the kernel has been told that it holds.
 */

const SLOW_MS = 300; // what is answered sooner needs no word
const YOUNG_MS = 2000; // a press that is younger than this still holds without asking
const ASKED_MS = 15000; // a question that nobody answers is answered with no

// biome-ignore lint/correctness/noUnusedVariables: the file of a widget with buttons follows this one.
class Presses {
  /**
   * @param {(message: PressSent) => void} send Sends a message to the kernel.
   * @param {Say} say Shows a text and what can be chosen.
   * @param {() => string} seen Tells what stands in the fields that a press is about.
   */
  constructor(send, say, seen = () => "") {
    this.send = send;
    this.say = say;
    this.seen = seen;
    /** @type {Press | null} */
    this.current = null;
    /** @type {Set<string>} */
    this.made = new Set(); // by this view: other views of the same card get the same messages
    this.timer = 0;
    /** @type {Parameters<Say>} */
    this.told = ["", []]; // of the current press
  }

  /**
   * Press a button; a press that still waits is taken back by it.
   *
   * @param {string} button
   * @param {string} name
   */
  press(button, name) {
    if (this.current && !this.current.agreed) this.takeBack();
    const press = { id: crypto.randomUUID(), button, name, at: performance.now(), seen: this.seen(), agreed: false };
    this.current = press;
    this.told = ["", []];
    this.made.add(press.id);
    this.send({ kind: "press", press: press.id, button });
    this.after(SLOW_MS, () => this.waiting(press));
  }

  /**
   * Take a message of the kernel.
   *
   * @param {PressHeard} message
   */
  receive(message) {
    const press = this.current;
    if (!this.made.has(message.press)) return;
    if (message.kind === "asked") {
      if (!press || press.id !== message.press) {
        this.send({ kind: "no", press: message.press });
      } else if (message.changed && this.seen() !== press.seen) {
        // What is typed just before a press comes to the kernel after it. This was typed later, or by somebody else.
        this.send({ kind: "no", press: press.id });
        this.end("The fields have changed since this was pressed, so nothing was done. Press again.");
      } else if (performance.now() - press.at <= YOUNG_MS) {
        this.agree(press);
      } else {
        this.ask(press);
      }
    } else if (message.kind === "done" && press?.id === message.press) {
      this.end(message.text ?? "");
    } else if (message.kind === "done" && message.text) {
      // Of an earlier press: what came of it is said beside what is said of this one.
      const [text, choices] = this.told;
      this.tell(`${message.text} ${text}`.trim(), choices);
    }
  }

  /** @param {Press} press */
  agree(press) {
    press.agreed = true;
    this.send({ kind: "yes", press: press.id });
    this.after(SLOW_MS, () => this.tell(`${press.name} ...`, []));
  }

  /** @param {Press} press */
  waiting(press) {
    this.tell(`${press.name} waits: the kernel runs a cell, or cannot be reached. Nothing is done yet.`, [
      ["Take it back", () => this.takeBack()],
    ]);
  }

  /** @param {Press} press */
  ask(press) {
    press.agreed = false; // a yes that came late is no answer
    const late = Math.round((performance.now() - press.at) / 1000);
    this.tell(`${press.name} was pressed ${late} s ago and is not done yet.`, [
      ["Do it now", () => this.agree(press)],
      ["Leave it", () => this.takeBack()],
    ]);
    this.after(ASKED_MS, () => this.takeBack());
  }

  takeBack() {
    const press = this.current;
    if (!press || press.agreed) return;
    this.send({ kind: "no", press: press.id });
    this.end(`${press.name} was taken back: nothing was done.`);
  }

  /** @param {string} text */
  end(text) {
    this.after(0, () => {});
    this.current = null;
    this.tell(text, []);
  }

  /** @type {Say} */
  tell(text, choices) {
    this.told = [text, choices];
    this.say(text, choices);
  }

  /**
   * @param {number} milliseconds
   * @param {() => void} what
   */
  after(milliseconds, what) {
    clearTimeout(this.timer);
    this.timer = setTimeout(what, milliseconds);
  }

  close() {
    clearTimeout(this.timer);
  }
}

/** Make a line that shows a text and buttons to choose by; it is hidden while it is empty. */
// biome-ignore lint/correctness/noUnusedVariables: the file of a widget with buttons follows this one.
function pressLine() {
  const line = document.createElement("div");
  line.className = "st-press-line";
  line.setAttribute("role", "status");
  line.setAttribute("aria-live", "polite");
  line.hidden = true;
  /** @type {Say} */
  const say = (text, choices) => {
    const words = document.createElement("span");
    words.textContent = text;
    const buttons = choices.map(([name, choose]) => {
      const made = document.createElement("button");
      made.type = "button";
      made.className = "st-choice";
      made.textContent = name;
      made.addEventListener("click", choose);
      return made;
    });
    line.replaceChildren(words, ...buttons);
    line.hidden = !text;
  };
  return { line, say };
}
