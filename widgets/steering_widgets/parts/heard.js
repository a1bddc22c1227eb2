// @ts-check
/**
 * Let a model hear the kernel although its code came late.
 *
 * anywidget refuses every message of the kernel to a model that was not ready within two seconds. Its views are drawn
 * even so, and are where this can be found and mended: the messages go to the handler that anywidget wraps, and what was
 * refused until then is asked for again.
 *
 * @param {KeyedModel} model
 */
// biome-ignore lint/correctness/noUnusedVariables: each widget's own file, which follows this one, calls it.
async function beHeard(model) {
  const found = /** @type {LabModel} */ (await model.widget_manager.get_model(model.get("key")));
  keepToMainShell(found.comm?.jsServicesComm?._kernel);
  try {
    await found._handle_comm_msg({ content: { data: { method: "nothing" } } });
  } catch (error) {
    console.warn("A widget came late and is now heard", error);
    const handle = Object.getPrototypeOf(Object.getPrototypeOf(found))._handle_comm_msg;
    found._handle_comm_msg = handle;
    found.comm?.on_msg(handle.bind(found));
    found.comm?.send({ method: "request_state" }, {});
  }
}

/**
 * Send the page's messages to the kernel's main shell.
 *
 * JupyterLab (4.6) sends those of widgets to a subshell, and at times, when it joins a running kernel, to one that it has
 * had deleted again: the kernel drops them all ("Unknown subshell_id"), and neither a plot nor a button is answered. The
 * main shell is always there, and is where the kernel of our version answers anyway. JupyterLab may name the subshell to a
 * widget at any later time, so this is looked at again and again, once for all of ours on a page.
 *
 * @param {LabKernel | undefined} kernel
 */
function keepToMainShell(kernel) {
  globalThis.__steering_main_shell__ ??= new WeakSet();
  const kept = globalThis.__steering_main_shell__;
  if (!kernel?._comms || kept.has(kernel)) return;
  kept.add(kernel);
  const leave = () => {
    for (const comm of kernel._comms?.values() ?? []) comm._subshellId = null;
    if (kernel.isDisposed) clearInterval(timer);
  };
  const timer = setInterval(leave, 500);
  leave();
}

/**
 * Call back when the page has found its kernel again, which may have forgotten it; returns what ends that.
 *
 * @param {KeyedModel} model
 * @param {() => void} callback
 */
// biome-ignore lint/correctness/noUnusedVariables: an image's own file, which follows this one, calls it.
function onReconnect(model, callback) {
  /** @type {LabKernel | null} */
  let kernel = null;
  let over = false;
  const look = () => {
    if (kernel?.connectionStatus === "connected") callback();
  };
  model.widget_manager.get_model(model.get("key")).then((found) => {
    if (over) return;
    kernel = /** @type {LabModel} */ (found).comm?.jsServicesComm?._kernel ?? null;
    kernel?.connectionStatusChanged?.connect(look);
  });
  return () => {
    over = true;
    kernel?.connectionStatusChanged?.disconnect(look);
  };
}
