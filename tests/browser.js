// As much of a browser as our pages need; PAGE_DATA is the text of the data element.
const made = [];
class Element {
  constructor(tag) { this.tag = tag; this.style = {}; this.children = []; this.value = "";
    made.push(this); }
  append(...children) { this.children.push(...children); }
  getContext() { return new Proxy({}, { get: () => () => {}, set: () => true }); }
  focus() {}
  click() { process.stdout.write(globalThis.blob); }
}
const byId = {};
globalThis.document = {
  documentElement: new Element("html"),
  createElement: tag => new Element(tag),
  getElementById: id => byId[id] ??= Object.assign(
    new Element(id), { textContent: id === "data" ? PAGE_DATA : "" }),
};
globalThis.getComputedStyle = () => ({ getPropertyValue: () => "#000" });
Object.defineProperty(globalThis, "localStorage", { get() { throw new Error("not allowed"); } });
globalThis.Blob = class { constructor(parts) { globalThis.blob = parts.join(""); } };
globalThis.URL = { createObjectURL: () => "blob:", revokeObjectURL() {} };
globalThis.alert = text => { throw new Error(text); };
(() => { PAGE_SCRIPT })();
