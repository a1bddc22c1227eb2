// A page without a browser: elements that remember what is done to them, and no more.

class Element {
  constructor(tag) {
    this.tag = tag;
    this.children = [];
    this.attributes = {};
    this.dataset = {};
    this.listeners = {};
    this.textContent = "";
    this.classes = new Set();
    this.classList = {
      add: (name) => this.classes.add(name),
      remove: (name) => this.classes.delete(name),
      contains: (name) => this.classes.has(name),
      toggle: (name, on) => this.classes[on ? "add" : "delete"](name),
    };
  }

  setAttribute(name, value) {
    this.attributes[name] = value;
  }

  getAttribute(name) {
    return this.attributes[name] ?? null;
  }

  append(...children) {
    this.children.push(...children);
  }

  replaceChildren(...children) {
    this.children = children;
  }

  addEventListener(kind, take) {
    this.listeners[kind] = take;
  }

  removeEventListener(kind) {
    delete this.listeners[kind];
  }

  contains(other) {
    return this === other || this.children.some((child) => child.contains(other));
  }

  closest() {
    return null;
  }

  /** All elements in it that have a class. */
  find(name) {
    const inside = this.children.flatMap((child) => child.find(name));
    return this.className?.split(" ").includes(name) ? [this, ...inside] : inside;
  }

  click() {
    this.listeners.click({ type: "click", target: this });
  }
}

/** A document with a body, and with the elements that are found by their ids. */
export function makePage(ids = {}) {
  const page = new Element("document");
  page.body = new Element("body");
  page.createElement = (tag) => new Element(tag);
  page.getElementById = (id) => ids[id] ?? null;
  return page;
}

/** A model as anywidget gives it to a view; what the view sends is in `sent`, and `hear` is the kernel. */
export function makeModel(traits = {}, found = { _handle_comm_msg: async () => {} }) {
  const takers = {};
  return {
    sent: [],
    traits,
    get: (name) => traits[name],
    send(message) {
      this.sent.push(message);
    },
    on: (event, take) => {
      takers[event] = take;
    },
    off: (event) => {
      delete takers[event];
    },
    hear: (message, buffers = []) => takers["msg:custom"]?.(message, buffers),
    change: (name, value) => {
      traits[name] = value;
      takers[`change:${name}`]?.();
    },
    widget_manager: { get_model: async () => found },
  };
}

/** Let all that was promised come. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));
