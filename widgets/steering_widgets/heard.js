/**
 * Let a model hear the kernel although its code came late.
 *
 * anywidget refuses every message of the kernel to a model that was not ready within two seconds. Its views are drawn
 * even so, and are where this can be found and mended: the messages go to the handler that anywidget wraps, and what was
 * refused until then is asked for again.
 */
async function beHeard(model) {
  const found = await model.widget_manager.get_model(model.get("key"));
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

