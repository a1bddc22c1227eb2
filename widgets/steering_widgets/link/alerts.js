// @ts-check
// Tells a person who looks elsewhere what happens to the scan: as a notification of the browser, and as a sound.

/**
 * @typedef {"notify" | "sound"} Way
 * @typedef {{ title: string, text: string, urgent: boolean }} Alert
 */

const WAYS = /** @type {Record<Way, [text: string, meaning: string]>} */ ({
  notify: ["Notify", "Show a notification when the scan ends, fails or pauses, an agent suggests something, or something goes wrong"],
  sound: ["Sound", "Play a short sound then"],
});
const KEPT = "steering-alerts-";

/** @type {Record<string, string | undefined>} */
const ENDS = { success: "The scan has ended", abort: "The scan was aborted", fail: "The scan has failed" };

/**
 * What is worth telling when the beamline goes from one state to another.
 *
 * @param {{ state: string } | null} before
 * @param {{ state: string, why?: string, ended?: string }} after
 * @returns {Alert | null}
 */
// biome-ignore lint/correctness/noUnusedVariables: the bar's own file, which follows this one, asks.
function alertOf(before, after) {
  if (!before || before.state === after.state) return null;
  const text = after.why ?? "";
  if (after.state === "paused") return { title: "The scan is paused", text, urgent: true };
  if (after.state !== "idle") return null;
  return { title: ENDS[after.ended ?? ""] ?? "The scan has ended", text, urgent: after.ended !== "success" };
}

/** Two switches, which the browser remembers, and what they switch. */
// biome-ignore lint/correctness/noUnusedVariables: the bar's own file, which follows this one, makes them.
class Alerts {
  /** @param {(text: string) => void} say Says why a switch cannot be set. */
  constructor(say) {
    this.say = say;
    /** @type {Record<Way, HTMLButtonElement>} */
    this.buttons = { notify: this.makeSwitch("notify"), sound: this.makeSwitch("sound") };
    this.root = document.createElement("div");
    this.root.className = "st-alerts";
    this.root.append(this.buttons.notify, this.buttons.sound);
  }

  /** @param {Way} way */
  makeSwitch(way) {
    const made = document.createElement("button");
    const [text, meaning] = WAYS[way];
    made.type = "button";
    made.className = `st-alert st-alert-${way}`;
    made.textContent = text;
    made.title = meaning;
    made.setAttribute("aria-pressed", String(remembered(way)));
    made.addEventListener("click", () => this.press(way));
    return made;
  }

  /** @param {Way} way */
  on(way) {
    return this.buttons[way].getAttribute("aria-pressed") === "true";
  }

  /** @param {Way} way */
  async press(way) {
    const wanted = !this.on(way);
    if (wanted && way === "notify" && (await allowed()) !== "granted") {
      this.say("The browser does not let this page show notifications. Allow them in the browser's settings of this page.");
      return;
    }
    this.buttons[way].setAttribute("aria-pressed", String(wanted));
    remember(way, wanted);
    if (wanted && way === "sound") beep(false);
  }

  /** @param {Alert | null} alert */
  tell(alert) {
    if (!alert) return;
    if (this.on("sound")) beep(alert.urgent);
    if (!this.on("notify") || globalThis.Notification?.permission !== "granted") return;
    // One at a time: the newest is what matters.
    new Notification(alert.title, { body: alert.text, tag: "steering", requireInteraction: alert.urgent });
  }
}

/** @returns {Promise<string>} */
async function allowed() {
  if (!globalThis.Notification) return "denied";
  return Notification.permission === "default" ? Notification.requestPermission() : Notification.permission;
}

/** @param {Way} way */
function remembered(way) {
  try {
    return globalThis.localStorage?.getItem(KEPT + way) === "on";
  } catch {
    return false; // a browser may keep nothing
  }
}

/**
 * @param {Way} way
 * @param {boolean} on
 */
function remember(way, on) {
  try {
    globalThis.localStorage?.setItem(KEPT + way, on ? "on" : "off");
  } catch (error) {
    console.warn("The browser does not keep this choice", error);
  }
}

/** @param {boolean} urgent Twice and higher. */
function beep(urgent) {
  const Context = globalThis.AudioContext;
  if (!Context) return;
  const audio = new Context();
  const notes = urgent ? [880, 880] : [587];
  notes.forEach((pitch, number) => {
    const tone = audio.createOscillator();
    const loud = audio.createGain();
    const at = audio.currentTime + number * 0.25;
    tone.frequency.value = pitch;
    loud.gain.setValueAtTime(0.2, at);
    loud.gain.exponentialRampToValueAtTime(0.001, at + 0.2);
    tone.connect(loud).connect(audio.destination);
    tone.start(at);
    tone.stop(at + 0.2);
    if (number === notes.length - 1) tone.addEventListener("ended", () => audio.close());
  });
}
