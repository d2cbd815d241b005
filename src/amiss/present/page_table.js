// A table of which one page at a time is in the document: search, filter, sort, turn pages.
// Items are numbers from 0; columns say how one is shown and by what it is ordered.
function pagedTable(holder, options) {
  const { element } = page;
  const size = 25;
  const state = { items: [], at: 0, sort: null, descending: false, opened: new Set() };
  const rowOf = new Map();

  const search = element("input", {
    type: "search", placeholder: options.searchHint, "aria-label": options.searchHint,
    autocomplete: "off", spellcheck: "false", oninput: () => apply(0),
  });
  const status = element("p", { class: "soft number", role: "status" });
  const turn = (by) => () => apply(state.at + by * size);
  const back = element("button", { type: "button", onclick: turn(-1) }, "Previous");
  const on = element("button", { type: "button", onclick: turn(1) }, "Next");
  const body = element("tbody");
  const heads = options.columns.map((column) => {
    const head = element("th", { class: column.kind, scope: "col" });
    head.append(column.key
      ? element("button", { type: "button", class: "sort", onclick: () => sortBy(column) }, column.title)
      : column.title);
    return head;
  });
  const filters = options.filters ?? [];
  for (const filter of filters) filter.control.addEventListener("change", () => apply(0));
  const pager = element("div", { class: "pager" }, back, on);
  holder.replaceChildren(
    element("div", { class: "tools" }, search, filters.map((filter) => filter.control), status),
    element("table", { class: `paged ${options.kind}` }, element("thead", {}, element("tr", {}, heads)), body),
    pager,
  );

  function sortBy(column) {
    state.descending = state.sort === column ? !state.descending : Boolean(column.descends);
    state.sort = column;
    apply(0);
  }

  function chosen() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [];
    for (let item = 0; item < options.count; item++) {
      if (!filters.every((filter) => filter.keeps(item))) continue;
      if (words.length) {
        const text = options.searched(item).toLowerCase();
        if (!words.every((word) => text.includes(word))) continue;
      }
      found.push(item);
    }
    if (!state.sort) return found;
    const { key } = state.sort;
    const sign = state.descending ? -1 : 1;
    // What has no value stands last, whichever way it goes.
    return found.sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      return (x < y ? -sign : x > y ? sign : 0) || a - b;
    });
  }

  function apply(at) {
    state.items = chosen();
    state.at = Math.max(0, Math.min(at, Math.floor((state.items.length - 1) / size) * size));
    state.opened.clear();
    draw();
  }

  function draw() {
    const shown = state.items.slice(state.at, state.at + size);
    rowOf.clear();
    body.replaceChildren(...shown.map(row));
    const total = state.items.length;
    const range = total ? `${(state.at + 1).toLocaleString("en")}–${(state.at + shown.length).toLocaleString("en")} of ` : "";
    status.textContent = `${range}${total.toLocaleString("en")}`;
    back.disabled = state.at === 0;
    on.disabled = state.at + size >= total;
    pager.hidden = total <= size;
    heads.forEach((head, i) => {
      const sorted = state.sort === options.columns[i];
      if (sorted) head.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }

  function row(item) {
    const cells = options.columns.map((column) =>
      element("td", { class: column.kind }, column.cell(item, () => toggle(item))));
    const made = element("tr", {}, cells);
    rowOf.set(item, made);
    return made;
  }

  function toggleOf(item) {
    return rowOf.get(item)?.querySelector("button.toggle");
  }

  function toggle(item) {
    const button = toggleOf(item);
    if (!button) return;
    const isOpen = state.opened.has(item);
    button.setAttribute("aria-expanded", String(!isOpen));
    rowOf.get(item).classList.toggle("open", !isOpen);
    if (isOpen) {
      state.opened.delete(item);
      rowOf.get(item).nextElementSibling.remove();
      return;
    }
    state.opened.add(item);
    const cell = element("td", { colspan: options.columns.length }, options.detail(item));
    const detail = element("tr", { class: "detail" }, cell);
    detail.item = item;
    rowOf.get(item).after(detail);
  }

  /** Turns to the page of an item, opens it, and goes there. */
  function show(item) {
    if (!state.items.includes(item)) {
      search.value = "";
      for (const filter of filters) filter.control.value = "";
    }
    state.items = chosen();
    apply(Math.floor(state.items.indexOf(item) / size) * size);
    toggle(item);
    rowOf.get(item)?.scrollIntoView({ block: "start" });
    toggleOf(item)?.focus({ preventScroll: true });
  }

  body.addEventListener("keydown", (event) => {
    const buttons = [...body.querySelectorAll("button.toggle")];
    const at = buttons.indexOf(event.target);
    if (event.key === "Escape") {
      const inside = event.target.closest("tr.detail");
      const item = inside ? inside.item : [...rowOf.keys()].find((i) => toggleOf(i) === event.target);
      if (item === undefined || !state.opened.has(item)) return;
      toggle(item);
      toggleOf(item).focus();
    } else if (at >= 0 && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      buttons[at + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
    }
  });
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (!options.detail || !row || event.target.closest("button, a, .detail")) return;
    if (!getSelection().isCollapsed) return; // text was marked, to be copied
    row.querySelector("button.toggle")?.click();
  });

  apply(0);
  return { show, toggle, opened: state.opened, shown: () => state.items.slice(state.at, state.at + size), apply };
}
