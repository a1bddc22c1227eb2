// @ts-check
/**
 * Makes the widgets anew that a page could not make.
 *
 * JupyterLab makes a widget when all that it holds is there, and gives it up after two seconds: rarely, where a machine is
 * busy while a page opens, something broken then stands in the place of all that it holds, until the page is loaded again.
 * The kernel has all of it. So what was given up is forgotten, and the kernel is asked for it.
 */

const BROKEN = ".jupyter-widgets-error-widget";
// What fails so often fails for another reason; the words that stand there say which.
const MOST_MENDS = 3;

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
    this.tries = 0;
    this.busy = false;
  }

  /**
   * Look whether something broken stands on a page.
   *
   * @param {Element} root
   */
  async look(root) {
    if (this.busy || this.tries >= MOST_MENDS || !this.manager?._loadFromKernel || !root.querySelector(BROKEN)) return;
    this.busy = true;
    this.tries += 1;
    try {
      if (await this.mend(this.manager)) this.mended();
    } catch (error) {
      console.warn("A widget that could not be made could not be made anew either", error);
    }
    this.busy = false;
  }

  /** @param {LabManager} manager */
  async mend(manager) {
    const broken = [];
    for (const [id, made] of Object.entries(manager._models)) {
      const model = await Promise.race([made, null]); // null for one that is being made
      if (model?.get("_view_name") === "ErrorWidgetView") broken.push(id);
    }
    for (const id of broken) {
      delete manager._models[id];
      this.kernel?._comms?.delete(id);
    }
    if (broken.length > 0) await manager._loadFromKernel();
    return broken.length > 0;
  }
}
