// @ts-check
// Tells the kernel that the holder of the lease looks at the page, for as long as that is so.

const LOOK_EVERY_MS = 20_000; // a lease lasts two minutes
const AWAKE_MS = 600_000; // nobody sits for longer before a page where nothing happens
const SIGNS = ["pointermove", "pointerdown", "keydown", "wheel", "touchstart"];

/**
 * Whether somebody looks who holds the lease: the page is in front, and a scan runs or a person did something not long ago.
 * An idle page says nothing, so that a hub can end it.
 *
 * @param {{ holds: boolean, scans: boolean, visible: boolean, idle: number }} page Idle: milliseconds.
 */
function looks({ holds, scans, visible, idle }) {
  return holds && visible && (scans || idle < AWAKE_MS);
}

/**
 * Say it now and then; gives what ends that.
 *
 * @param {(name: "holds" | "scans") => boolean} get
 * @param {() => boolean} shown Whether the dashboard has a place on the page.
 * @param {() => void} say
 */
// biome-ignore lint/correctness/noUnusedVariables: the file of the dashboard's presence follows.
function whileLooking(get, shown, say) {
  let active = performance.now();
  const sign = () => {
    active = performance.now();
  };
  const look = () => {
    const visible = document.visibilityState === "visible" && shown();
    if (looks({ holds: get("holds"), scans: get("scans"), visible, idle: performance.now() - active })) say();
  };
  for (const name of SIGNS) document.addEventListener(name, sign, { capture: true, passive: true });
  const timer = setInterval(look, LOOK_EVERY_MS);
  document.addEventListener("visibilitychange", look);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", look);
    for (const name of SIGNS) document.removeEventListener(name, sign, { capture: true });
  };
}
