// One finding in detail: its events beside those of the nearest normal one, what was expected,
// the lines, the members. All text comes from the payload, where it was made harmless.
function findingDetail(data, item) {
  const { element } = page;
  const detail = data.details[item];
  const rows = data.rows;
  const said = (place) => (place < 0 ? "" : data.strings[place]);
  const code = (place) => element("code", {}, said(place));
  const percent = (share) => `${share < 0.995 ? Number((100 * share).toPrecision(2)) : Number((100 * share).toPrecision(3))} %`;
  const title = (text) => element("h3", {}, text);

  function facts() {
    const found = [["score", `${shownScore(rows.score[item])}${data.threshold === null ? "" : `, threshold ${shownScore(data.threshold)}`}`]];
    if (detail) found.push(["p-value", detail.p]);
    const [start, end] = [timeOf(data, rows.start[item]), detail ? timeOf(data, detail.end) : ""];
    if (start) found.push(["when", end && end !== start ? `${start} to ${end.slice(0, 10) === start.slice(0, 10) ? end.slice(11) : end}` : start]);
    if (detail && !detail.complete) found.push(["cut", "by the start or end of the log: nothing counts as missing"]);
    const places = detail ? detail.places.map(([file, first, last]) => `${said(file)}:${first}${last > first ? `-${last}` : ""}`) : placeOf(data, item, said);
    if (detail?.morePlaces) places.push(`and ${detail.morePlaces} more`);
    const list = element("dl", { class: "facts-list" });
    for (const [name, text] of found) list.append(element("dt", {}, name), element("dd", {}, text));
    if (places.some(Boolean)) list.append(element("dt", {}, `${data.place}${places.length > 1 ? "s" : ""}`), element("dd", { class: "mono" }, places.join(", ")));
    return list;
  }

  function line([file, number, text, more]) {
    return element("div", { class: "raw" },
      element("span", { class: "place" }, `${said(file)}:${number}`),
      text ? element("pre", {}, text, more ? element("span", { class: "soft" }, ` … ${more.toLocaleString("en")} more characters`) : null) : null);
  }

  function bar(share, kind) {
    const width = Math.max(0.5, Math.min(100, 100 * share));
    return element("svg", { class: `bar ${kind}`, viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
      element("rect", { class: "track", width: 100, height: 8 }), element("rect", { width, height: 8 }));
  }

  function surprises() {
    if (!detail.surprises.length) return [];
    return [title("What came, and what was expected there"), element("ol", { class: "surprises" },
      detail.surprises.map((surprise) => element("li", {},
        element("p", { class: "came" },
          surprise.template < 0 ? `the ${data.unit} ends after this line` : surprise.unseen ? `in no normal ${data.unit}: ` : "unexpected here: ",
          surprise.template < 0 ? null : code(surprise.template),
          surprise.p === null ? null : element("span", { class: "soft" }, ` with probability ${surprise.p}`)),
        line(surprise.line),
        surprise.expected.length ? element("table", { class: "expected" },
          element("caption", {}, "expected instead"),
          element("tbody", {}, surprise.expected.map(([template, share]) => element("tr", {},
            element("td", { class: "right" }, percent(share)),
            element("td", { class: "bar-cell" }, bar(share, "normal")),
            element("td", {}, code(template)))))) : null)))];
  }

  function differences() {
    const tally = (name, list) => list.length ? element("div", {}, title(name),
      element("ul", { class: "tally" }, list.map(([template, count]) => element("li", {},
        element("span", { class: "times" }, `${count.toLocaleString("en")} ×`), code(template))))) : null;
    const both = [tally(`Missing, against the nearest normal ${data.unit}`, detail.missing),
      tally(`Surplus, against the nearest normal ${data.unit}`, detail.surplus)].filter(Boolean);
    return both.length ? [element("div", { class: "facts" }, both)] : [];
  }

  function members() {
    if (!detail.members.length) return [];
    const most = Math.max(...detail.members.map(([, score]) => score), 1e-9);
    return [title("What the members say (−log₁₀ p)"), element("table", { class: "members" },
      element("tbody", {}, detail.members.map(([name, score]) => element("tr", {},
        element("td", {}, name), element("td", { class: "right" }, shownScore(score)),
        element("td", { class: "bar-cell" }, bar(score / most, "odd"))))))];
  }

  function deviations() {
    if (!detail.deviations.length) return [];
    return [title("Counts, numbers and times that are not usual"), element("ul", { class: "surprises" },
      detail.deviations.map((odd) => element("li", {},
        element("p", { class: "came" }, odd.said, element("span", { class: "soft" }, ` (p = ${odd.p})`)),
        odd.line && odd.line[2] ? line(odd.line) : [odd.template < 0 ? null : code(odd.template), odd.line ? line(odd.line) : null])))];
  }

  function mispredicted() {
    if (!detail.mispredicted.length) return [];
    return [title("Mispredicted most often, and what was held likelier"), element("div", { class: "scroll" }, element("table", {},
      element("thead", {}, element("tr", {}, ["missed", "of", "event", "times", "held likelier"].map((name, i) =>
        element("th", { class: [0, 1, 3].includes(i) ? "right" : null, scope: "col" }, name)))),
      element("tbody", {}, detail.mispredicted.map(([template, events, missed, other, times]) => element("tr", {},
        element("td", { class: "right" }, missed), element("td", { class: "right" }, events), element("td", {}, code(template)),
        element("td", { class: "right" }, times), element("td", {}, code(other)))))))];
  }

  function features() {
    if (!detail.features.length) return [];
    const most = Math.max(...detail.features.map((feature) => feature[5]), 1e-9);
    const names = ["feature", "value", "expected", "usual", detail.sharedOut ? "adds" : "score"];
    const used = names.map((name, i) => i < 2 || i === 4 || detail.features.some((feature) => feature[i] !== ""));
    return [title(detail.sharedOut ? "What adds most to the score" : "What deviates most"),
      element("div", { class: "scroll" }, element("table", { class: "features" },
        element("thead", {}, element("tr", {}, names.map((name, i) => used[i] ? element("th", { class: i ? "right" : null, scope: "col" }, name) : null),
          element("th", { scope: "col" }, element("span", { class: "hidden-text" }, "bar")))),
        element("tbody", {}, detail.features.map((feature) => element("tr", {},
          names.map((name, i) => used[i] ? element("td", { class: i ? "right" : "mono" }, feature[i]) : null),
          element("td", { class: "bar-cell" }, bar(feature[5] / most, "odd")))))))];
  }

  const parts = [facts()];
  if (!detail) {
    parts.push(element("p", {}, rows.why[item] < 0 ? "" : said(rows.why[item])),
      element("p", { class: "soft" }, `The page has all of the ${data.details.length.toLocaleString("en")} most anomalous only; amiss explain tells the rest of this one.`));
  } else {
    if (detail.strip) parts.push(title("Its events"), eventStrip(data, detail.strip, data.unit));
    parts.push(...surprises(), ...deviations(), ...mispredicted(), ...features(), ...differences(), ...members());
  }
  return element("div", { class: "finding", role: "region", "aria-label": `${data.unit} ${rows.id[item]}` }, parts);
}

/** The events in order, one cell each, those of the nearest normal one below; a legend. */
function eventStrip(data, strip, unit) {
  const { element } = page;
  const legend = strip.legend.map((place) => data.strings[place]);
  const GAP = -1;
  const name = (at) => at === GAP ? "nothing" : at < GAP ? "the end" : legend[at];
  const letters = (at) => {
    let text = "";
    for (let n = at + 1; n > 0; n = Math.floor((n - 1) / 26)) text = String.fromCharCode(65 + (n - 1) % 26) + text;
    return text;
  };
  const marked = new Set(strip.marked);
  const left = new Map(strip.left);
  const readout = element("p", { class: "readout", "aria-live": "polite" });

  function cell(at, isMarked, isNormal) {
    const kind = at === GAP ? "gap" : at < GAP ? "end" : `c${at % 8}`;
    return element("span", { class: `cell ${kind}${isMarked ? " marked" : ""}${isNormal ? " below" : ""}`, "aria-hidden": "true" },
      at === GAP ? "" : at < GAP ? "■" : letters(at));
  }

  function about(i) {
    const here = strip.here[i];
    const parts = [here === GAP ? "here nothing" : here < GAP ? `here the ${unit} ends` : `event ${(strip.at[i] + 1).toLocaleString("en")}: ${name(here)}`];
    if (marked.has(i)) parts.push("surprising");
    if (strip.normal && strip.normal[i] !== here) parts.push(`in the normal one ${name(strip.normal[i])}`);
    return parts.join("; ");
  }

  const columns = strip.here.map((here, i) => {
    const column = element("button", { type: "button", class: "column", tabindex: i ? -1 : 0, "aria-label": about(i), title: about(i) },
      cell(here, marked.has(i), false), strip.normal ? cell(strip.normal[i], false, true) : null);
    const before = left.get(i);
    return before ? [element("span", { class: "left-out" }, `… ${before.toLocaleString("en")} …`), column] : column;
  }).flat();
  const buttons = columns.filter((column) => column.tagName === "BUTTON");
  const select = (column) => {
    for (const other of buttons) other.tabIndex = other === column ? 0 : -1;
    readout.textContent = column.getAttribute("aria-label");
  };
  const strand = element("div", {
    class: `strip${strip.normal ? " aligned" : ""}`, role: "group",
    "aria-label": `${strip.events.toLocaleString("en")} events; arrow keys go from one to the next`,
    onkeydown: (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const next = step && buttons[buttons.indexOf(event.target) + step];
      if (next) {
        event.preventDefault();
        next.focus();
      }
    },
    onfocusin: (event) => select(event.target),
    onclick: (event) => { const column = event.target.closest("button"); if (column) select(column); },
  }, columns);
  const oddOnes = new Set(strip.marked.map((i) => strip.here[i]));
  return element("div", {}, strip.normal
    ? element("p", { class: "soft" }, `Above, what came; below, the nearest normal ${unit} (${strip.alike.toLocaleString("en")} like it in training). Dashed: nothing stands there.`)
    : null,
    strand, readout,
    element("ul", { class: "legend" }, legend.map((text, at) => element("li", {},
      cell(at, oddOnes.has(at), false), element("span", { class: "hidden-text" }, letters(at)), element("code", {}, text)))));
}

function shownScore(score) {
  if (score === null) return "unknown";
  if (Math.abs(score) >= 1e300) return score > 0 ? "∞" : "−∞";
  if (score === 0 || (Math.abs(score) >= 0.005 && Math.abs(score) < 1e7)) return score.toFixed(2);
  return String(Number(score.toPrecision(2)));
}

/** A time as it is in the log; the payload has milliseconds since its epoch. */
function timeOf(data, since) {
  if (since === null) return "";
  return new Date(data.epoch + since).toISOString().replace("T", " ").replace(/(\.000)?Z$/, "");
}

function placeOf(data, item, said) {
  const file = data.rows.file[item];
  return [file < 0 ? "" : `${said(file)}:${data.rows.line[item]}`];
}
