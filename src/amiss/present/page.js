// The report: puts the tables where the page has room for them, follows links to findings.
(async () => {
  const { element } = page;
  const holder = document.getElementById("findings-table");
  const data = await page.payload();
  if (!data) {
    document.documentElement.classList.remove("scripted");
    return;
  }
  const { rows, strings } = data;
  const short = (file, line) => `${strings[file]}:${line}`;
  const confirmed = new Set(rows.confirmed);
  let findings = null;

  if (holder) {
    const incidents = [...document.querySelectorAll("#incidents [id^='incident-']")];
    const filter = element("select", { "aria-label": "Incident" }, element("option", { value: "" }, "all incidents"),
      incidents.map((incident, i) => element("option", { value: String(i) },
        `${i + 1}: ${(incident.querySelector(".headline") ?? incident).firstChild.textContent.slice(0, 70)}`)));
    findings = pagedTable(holder, {
      kind: "findings", count: rows.id.length, searchHint: "Search ids, reasons, files",
      searched: (i) => `${rows.id[i]} ${strings[rows.why[i]]} ${rows.file[i] < 0 ? "" : strings[rows.file[i]]}`,
      filters: incidents.length > 1 ? [{ control: filter, keeps: (i) => filter.value === "" || rows.incident[i] === Number(filter.value) }] : [],
      columns: [
        { title: "score", kind: "right", key: (i) => rows.score[i], descends: true, cell: (i) => shownScore(rows.score[i]) },
        { title: `${data.unit} and why`, key: (i) => rows.id[i], cell: (i, toggle) => [
          element("button", { type: "button", class: "toggle mono", "aria-expanded": "false", onclick: toggle }, rows.id[i]),
          confirmed.has(i) ? element("strong", { class: "confirmed" }, " confirmed") : null,
          element("span", { class: "why" }, strings[rows.why[i]])] },
        { title: "begins", kind: "optional number", key: (i) => rows.start[i], cell: (i) => timeOf(data, rows.start[i]) },
        { title: data.place, kind: "optional mono", cell: (i) => (rows.file[i] < 0 ? "" : short(rows.file[i], rows.line[i])) },
      ],
      detail: (i) => findingDetail(data, i),
    });
  }

  const room = document.getElementById("templates-table");
  if (room) {
    const used = data.templates;
    const choice = element("select", { "aria-label": "Which templates" },
      element("option", { value: "" }, "all templates"), element("option", { value: "new" }, "new to the model"));
    pagedTable(room, {
      kind: "templates", count: used.template.length, searchHint: "Search templates",
      searched: (i) => strings[used.template[i]],
      filters: used.isNew.some(Boolean) ? [{ control: choice, keeps: (i) => choice.value === "" || used.isNew[i] === 1 }] : [],
      columns: [
        { title: "lines", kind: "right", key: (i) => used.events[i], descends: true, cell: (i) => used.events[i].toLocaleString("en") },
        { title: "template", key: (i) => strings[used.template[i]], cell: (i) => [
          used.isNew[i] ? element("strong", { class: "new" }, "new") : null, element("code", {}, strings[used.template[i]])] },
        { title: "first seen", kind: "optional number", key: (i) => used.start[i], cell: (i) => timeOf(data, used.start[i]) },
        { title: "last seen", kind: "optional number", key: (i) => used.end[i], cell: (i) => timeOf(data, used.end[i]) },
        { title: "first line", kind: "optional mono", cell: (i) => short(used.file[i], used.line[i]) },
      ],
    });
  }

  // What the timeline says where the pointer is.
  const said = document.querySelector(".timeline .readout");
  const hint = said?.textContent;
  for (const drawing of data.timeline ? document.querySelectorAll(".timeline svg") : []) {
    const { start, width, events, score, flagged } = data.timeline;
    const [left, breadth] = [Number(drawing.dataset.left), Number(drawing.dataset.room)];
    const spot = drawing.querySelector(".spot");
    drawing.addEventListener("pointermove", (event) => {
      const box = drawing.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * drawing.viewBox.baseVal.width;
      const at = Math.max(0, Math.min(events.length - 1, Math.floor((x - left) / breadth * events.length)));
      spot.setAttribute("x", String(left + at / events.length * breadth));
      spot.setAttribute("width", String(breadth / events.length));
      const time = new Date(start + at * width).toISOString().replace("T", " ").replace(/(\.000)?Z$/, "");
      said.textContent = [time, `${events[at].toLocaleString("en")} events`,
        score[at] === null ? "" : `highest score ${shownScore(score[at])}`,
        flagged[at] ? `${flagged[at].toLocaleString("en")} flagged` : ""].filter(Boolean).join(" · ");
    });
    drawing.addEventListener("pointerleave", () => {
      spot.setAttribute("width", "0");
      said.textContent = hint;
    });
  }

  // Ids of findings become links only where a script can follow them.
  for (const name of findings ? document.querySelectorAll("[data-finding]") : []) {
    name.replaceChildren(element("a", { href: `#finding-${name.dataset.finding}` }, name.textContent));
  }

  // A link to a finding opens it, here and when the page is opened with it.
  function follow() {
    const found = /^#finding-(\d+)$/.exec(location.hash);
    if (found && findings && Number(found[1]) <= rows.id.length) findings.show(Number(found[1]) - 1);
    const incident = location.hash.startsWith("#incident-") && document.getElementById(location.hash.slice(1));
    const folded = incident && incident.closest("details");
    if (folded) folded.open = true;
  }
  addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#finding-']");
    if (link && link.hash === location.hash) follow(); // no change, but asked for again
  });
  follow();

  // On paper, all incidents and the first findings are open.
  const before = [];
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details.incident:not([open])")) {
      part.open = true;
      before.push(() => { part.open = false; });
    }
    for (const item of findings?.shown().slice(0, 5) ?? []) {
      if (findings.opened.has(item)) continue;
      findings.toggle(item);
      before.push(() => findings.toggle(item));
    }
  });
  addEventListener("afterprint", () => {
    for (const undo of before.splice(0)) undo();
  });
})();
