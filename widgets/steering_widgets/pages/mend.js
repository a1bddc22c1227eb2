// @ts-check
/**
 * Makes the widgets anew that a page could not make, and has those hear the kernel again that no longer do.
 *
 * JupyterLab makes a widget when all that it holds is there, and gives it up after two seconds: rarely, where a machine is
 * busy while a page opens, something broken then stands in the place of all that it holds, until the page is loaded again.
 * A widget that is there, and is to hold what is not, takes in nothing any more of what the kernel says. The kernel has all
 * of it. So what was given up is forgotten, what is deaf is to listen, and the kernel is asked for its widgets.
 */

const BROKEN = ".jupyter-widgets-error-widget";
// What fails so often in so long (milliseconds) fails for another reason; the words that stand there say which.
const MOST_MENDS = 3;
const MENDS_MS = 600_000;
// So often (milliseconds) it is looked for what is deaf, which nobody sees.
const DEAF_MS = 5000;

// biome-ignore lint/correctness/noUnusedVariables: the file of a page's presence follows this one.
class Mender {
  /**
   * @param {LabManager | undefined} manager
   * @param {LabKernel | undefined} kernel
   * @param {() => void} mended Called when something is there that was not.
   */
  constructor(manager, kernel, mended) {
    this.manager = manager;
    this.kernel = kernel;
    this.mended = mended;
    /** @type {number[]} */
    this.tries = [];
    this.busy = false;
    this.listened = 0;
  }

  /**
   * Look whether something broken stands on a page, or is deaf.
   *
   * @param {Element} root
   * @param {number} now Milliseconds.
   */
  async look(root, now = performance.now()) {
    if (this.busy || !this.manager?._loadFromKernel) return;
    const due = now - this.listened >= DEAF_MS;
    if (!due && !root.querySelector(BROKEN)) return;
    this.tries = this.tries.filter((at) => now - at < MENDS_MS);
    if (this.tries.length >= MOST_MENDS) return;
    this.busy = true;
    this.listened = now;
    try {
      if (await this.mend(this.manager, now)) this.mended();
    } catch (error) {
      console.warn("A widget that could not be made could not be made anew either", error);
    }
    this.busy = false;
  }

  /**
   * @param {LabManager} manager
   * @param {number} now
   */
  async mend(manager, now) {
    const broken = [];
    /** @type {{ model: ManagedModel, why: unknown }[]} */
    const deaf = [];
    for (const [id, made] of Object.entries(manager._models)) {
      const model = await Promise.race([made, null]); // null for one that is being made
      if (!model) continue;
      if (model.get("_view_name") === "ErrorWidgetView") broken.push(id);
      else model.state_change?.catch((/** @type {unknown} */ why) => deaf.push({ model, why }));
    }
    await new Promise((resolve) => setTimeout(resolve)); // those that had failed before have said so
    if (broken.length + deaf.length === 0) return false;
    this.tries.push(now);
    for (const id of broken) {
      delete manager._models[id];
      this.kernel?._comms?.delete(id);
    }
    for (const { model, why } of deaf) {
      console.warn("A widget that heard the kernel no more does so again", model.model_id, why);
      model.state_change = Promise.resolve();
    }
    await manager._loadFromKernel();
    return true;
  }
}
