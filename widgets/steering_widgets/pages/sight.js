// @ts-check
// Tells the kernel which cards of a page are in sight: what is scrolled away or behind another tab is refreshed seldom.

const SETTLED_MS = 150; // while a person scrolls, cards come and go
// What is about to be scrolled into sight is in sight already.
const NEAR = "200px";

/**
 * Watch the cards of a page.
 *
 * @param {(panels: string[]) => void} say Called with the names of those in sight, each time that they are others.
 */
// biome-ignore lint/correctness/noUnusedVariables: the file of the dashboard's presence follows.
function watchSight(say) {
  /** @type {Map<Element, boolean>} */
  const cards = new Map();
  let said = /** @type {string | null} */ (null); // one with nothing in sight says so too
  let timer = 0;
  const tell = () => {
    timer = 0;
    const names = [...cards].filter(([, near]) => near).map(([card]) => cardName(card)).sort();
    if (names.join() === said) return;
    said = names.join();
    say(names);
  };
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) cards.set(target, isIntersecting);
      timer ||= setTimeout(tell, SETTLED_MS);
    },
    { rootMargin: NEAR },
  );
  return {
    /** @param {HTMLElement} root */
    look(root) {
      for (const card of root.querySelectorAll(".st-panel")) {
        if (cards.has(card)) continue;
        cards.set(card, true);
        observer.observe(card);
      }
    },
    end() {
      clearTimeout(timer);
      observer.disconnect();
    },
  };
}

/**
 * The name of a card's panel.
 *
 * @param {Element} card
 */
function cardName(card) {
  return [...card.classList].find((name) => name.startsWith("st-panel-"))?.slice("st-panel-".length) ?? "";
}
