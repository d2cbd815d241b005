"use strict";
// The frame of a page: building elements, reading the payload, light and dark. Text only ever
// gets in as textContent.
const page = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const SHAPES = new Set(["svg", "rect", "path", "line", "g", "title"]);

  /** An element with attributes and children; strings become text, nothing is parsed as HTML. */
  function element(tag, attributes = {}, ...children) {
    const made = SHAPES.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value === true ? "" : String(value));
    }
    made.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return made;
  }

  /** The JSON value that came with the page, or null where the browser cannot unpack it. */
  async function payload() {
    const holder = document.getElementById("payload");
    if (!holder || typeof DecompressionStream === "undefined") return null;
    const bytes = Uint8Array.from(atob(holder.content.textContent), (c) => c.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Response(plain).json();
  }

  const root = document.documentElement;
  const button = document.getElementById("theme");
  const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

  // A page that was opened from disk may have no storage.
  function stored(value) {
    try {
      if (value !== undefined) localStorage.setItem("amiss-theme", value);
      return localStorage.getItem("amiss-theme");
    } catch {
      return null;
    }
  }

  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches;
  }

  function show() {
    const other = isDark() ? "Light" : "Dark";
    button.textContent = other;
    button.setAttribute("aria-label", `${other} colours`);
  }

  if (["light", "dark"].includes(stored())) root.dataset.theme = stored();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    stored(root.dataset.theme);
    show();
  });
  systemDark.addEventListener("change", show);
  button.hidden = false;
  root.classList.add("scripted");
  show();
  return { element, payload };
})();
