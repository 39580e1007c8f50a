"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const medium = data.medium, metrics = medium.metrics, main = metrics[0];
const ours = data.coders[0], anchors = data.coders.slice(1);
const titles = Object.fromEntries(data.coders.map((c) => [c.name, c.title]));
const against = data.comparison.against;
const subject = data.subject, groups = Object.keys(data.comparison.by_group);
const MEAN = "", DASH = "\u2013", MINUS = "\u2212";
const byId = (id) => document.getElementById(id);

function element(tag, attributes = {}, ...children) {
  const svg = ["svg", "g", "path", "circle", "line", "text", "clipPath", "rect"].includes(tag);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

// ---- numbers

const shown = (value, digits) => (value === null ? DASH : value.toFixed(digits).replace("-", MINUS));
const signed = (value, digits) => (value > 0 ? "+" : "") + shown(value, digits);
const unitOf = (metric) => (metric.decibels ? "dB" : metric.unit);  // on the scale of plots
const percent = (value) => (value === null ? DASH : `${signed(value, 1)} %`);
const bytes = (size) => (size < 1e4 ? `${size} bytes` : `${(size / 1000).toFixed(1)} kB`);
const mebi = (size) => `${Math.round(size / 2 ** 20)} MiB`;
const milliseconds = (s) => (s < 0.01 ? `${(s * 1000).toFixed(1)} ms` : `${Math.round(s * 1000)} ms`);
const verdict = (value) => (value === null ? "" : value < 0 ? "good" : "bad");

// ---- tables

function table(id, head, rows) {
  // a row: cells, each text or {text, class}; and a class
  const cell = (tag) => (c) => element(tag, { class: c.class || null }, c.text ?? c, c.below ? element("small", {}, c.below) : null);
  byId(id).replaceChildren(
    element("thead", {}, element("tr", {}, ...head.map(cell("th")))),
    element("tbody", {}, ...rows.map((r) => element("tr", { class: r.class || null }, ...r.cells.map(cell("td"))))),
  );
}

function headings(id, titles, span) {
  // a row above the head of a table whose columns come in groups
  byId(id).tHead.prepend(element("tr", {}, element("th", {}),
    ...titles.map((title) => element("th", { colspan: span, class: "edge group" }, title))));
}

const rateCell = (value) => ({ text: percent(value), class: verdict(value) });
const counted = (text, items, total) => items && items < total ? `${text} (${items})` : text; // means of some only
const meanCell = ({ value, items }, total = data.items.length) =>
  ({ text: counted(percent(value), items, total), class: verdict(value) });
const range = (interval) => interval ? `${signed(interval[0], 1)} to ${signed(interval[1], 1)}` : "";
const sureCell = (average) => ({  // with its interval below
  text: counted(percent(average.value), average.items, data.items.length), below: range(average.interval),
  class: average.equal ? "equal" : verdict(average.value),
});
const trained = (coder, m) => coder.trained_on.includes(m.key);
const marks = (m, coder) => (trained(ours, m) ? "\u2020" : "") + (coder && trained(coder, m) ? "\u2021" : "");
const marked = (m, coder) => `${m.title} ${marks(m, coder)}`.trimEnd();
const titled = (coder, m) => coder.title + (trained(coder, m) ? " \u2020" : "");
const TRAINED = " \u2020 trained or tuned for it, so it is no proof.";
const ranking = metrics.find((m) => m.key === data.comparison.ranked_by) ?? main;
const compared = metrics.filter((m) => m.in_deltas);
const words = (text) => ({ text, class: "words" });

function fillHeader() {
  const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
  byId("title").textContent = `${subject === "ours" ? "codec" : subject} against ${count(anchors.length, "codec")} on ` +
    count(data.items.length, medium.item);
  const { cpu, cores, system } = data.machine;
  byId("machine").textContent = `${data.date} \u00b7 ${cpu}, ${cores} cores, ${system} \u00b7 ${ours.library}`;
  byId("tiles").append(...anchors.map((anchor) => {
    const rates = against[anchor.name].bd_rate_percent, { value, interval, equal } = rates[ranking.key];
    const sure = equal ? `equal: ${range(interval)} %` : interval ? `${range(interval)} %` : "";
    const other = ranking === main ? "" : `${percent(rates[main.key].value)} by ${main.title}`;
    return element("div", { class: "tile" }, element("b", { class: equal ? "equal" : verdict(value) }, percent(value)),
      element("span", { class: "quiet" }, `bits against ${anchor.title}, ${marked(ranking, anchor)}`),
      ...[sure, other].filter(Boolean).map((text) => element("small", {}, text)));
  }));
  const trouble = [...Object.entries(data.failures), ...Object.entries(data.skipped)];
  if (trouble.length) {
    byId("trouble").hidden = false;
    byId("trouble").textContent = "Left out: " + trouble.map(([name, why]) => `${name} (${why})`).join("; ");
  }
}

function fillDeltas() {
  byId("deltas-about").textContent = `BD-rate of ${subject} against each codec, with 95 % intervals; negative: ` +
    `${subject} needs fewer bits. Grey: equal, the interval includes zero.` +
    ` \u2020 ${subject}, \u2021 the other was trained or tuned for it, so it is no proof.`;
  const count = data.items.length;
  const window = main.window ? `${main.window[0]}\u2013${main.window[1]} ${unitOf(main) || main.title}` : "all";
  table("deltas",
    ["against", ...compared.map((m) => marked(m)), window, "BD-quality",
      "overlap", words("not defined for")],
    anchors.map((anchor) => {
      const a = against[anchor.name], rate = a.bd_rate_percent[main.key], quality = a.bd_quality.value;
      return { cells: [anchor.title, ...compared.map((m) => {
        const cell = sureCell(a.bd_rate_percent[m.key]);
        return trained(anchor, m) ? { ...cell, text: `${cell.text} \u2021` } : cell;
      }),
        sureCell(a.bd_rate_percent_in_window),
        { text: quality === null ? DASH : counted(`${signed(quality, main.digits)} ${unitOf(main)}`, a.bd_quality.items, count), class: verdict(quality && -quality) },
        `${Math.round(rate.overlap * 100)} %`, words(rate.without.join(", "))] };
    }));
  byId("groups-part").hidden = !groups.length;
  table("groups", ["", ...groups.flatMap(() => compared.map((m, i) => ({ text: m.title, class: i ? null : "edge" })))],
    anchors.map((anchor) => ({ cells: [anchor.title, ...groups.flatMap((group) => compared.map((m, i) => {
      const size = data.items.filter((item) => item.group === group).length;
      const cell = meanCell(data.comparison.by_group[group][anchor.name][m.key], size);
      return { ...cell, class: (i ? "" : "edge ") + cell.class };
    }))] })));
  headings("groups", groups, compared.length);
  const published = Object.entries(data.comparison.published);
  byId("published-part").hidden = !published.length;
  table("published", ["", `BD-rate, ${main.title}`, "over", "overlap"], published.map(([name, delta]) => ({
    cells: delta ? [name, rateCell(delta.value), `${delta.low.toFixed(1)}\u2013${delta.high.toFixed(1)} ${main.unit}`,
      `${Math.round(delta.overlap * 100)} %`] : [name, DASH, "", ""],
  })));
}

function fillMatrix() {
  if (data.coders.length < 3) return;
  byId("matrix-part").hidden = false;
  segments("matrix-metrics", compared.map((m) => m.title), compared.indexOf(ranking), (index) => {
    const by = compared[index], pairs = data.comparison.pairs[by.key];
    byId("matrix-about").textContent = "Bits of the codec at the left against that above. Grey: equal, the 95 % interval " +
      "includes zero." + (data.coders.some((c) => trained(c, by)) ? TRAINED : "");
    table("matrix", ["", ...data.coders.map((c) => titled(c, by))], data.coders.map((row) => ({
      class: row === ours ? "ours" : "",
      cells: [titled(row, by), ...data.coders.map((c) => pairs[row.name][c.name] ? sureCell(pairs[row.name][c.name]) : "")],
    })));
  });
}

function fillEqual() {
  const compared = metrics.filter((m) => m.in_equal);
  const rows = data.comparison.at_equal_rates, count = data.items.length;
  const at = (coder, rate) => rows.find((row) => !row.group && row.coder === coder && row.rate === rate);
  const best = (rate, m) => {
    const whole = data.coders.map((c) => at(c.name, rate)).filter((row) => row.items[m.key] === count);
    const known = whole.map((row) => row.scores[m.key]);
    return m.distance ? Math.min(...known) : Math.max(...known);
  };
  table("equal",
    ["", ...medium.equal_rates.flatMap((rate) => compared.map((m, i) => ({ text: m.title, class: i ? null : "edge" })))],
    data.coders.map((c) => ({ class: c === ours ? "ours" : "", cells: [c.title, ...medium.equal_rates.flatMap((rate) => {
      const { scores, items } = at(c.name, rate);
      return compared.map((m, i) => ({
        text: counted(shown(scores[m.key], m.digits), items[m.key], count) + (trained(c, m) ? " \u2020" : ""),
        class: (i ? "" : "edge ") + (items[m.key] === count && scores[m.key] === best(rate, m) ? "best" : ""),
      }));
    })] })));
  headings("equal", medium.equal_rates.map((rate) => `${rate} ${medium.rate_unit}`), compared.length);
}

function fillItems() {
  byId("items-title").textContent = `Every ${medium.item}, the worst first`;
  segments("item-metrics", compared.map((m) => m.title), compared.indexOf(ranking), (index) => drawItems(compared[index]));
}

function drawItems(metric) {
  byId("items-about").textContent = `BD-rate of ${subject}, ${marked(metric)}. A heading sorts; a row shows its curves.` +
    (data.coders.some((c) => trained(c, metric)) ? TRAINED : "");
  const names = data.items.map((item) => item.name);
  const value = (anchor, item) => against[anchor.name].bd_rate_percent[metric.key].by_item[item]?.value ?? null;
  const mean = (item) => {
    const known = anchors.map((a) => value(a, item)).filter((v) => v !== null);
    return known.length ? known.reduce((a, b) => a + b) / known.length : null;
  };
  const columns = [(item) => item, mean, ...anchors.map((a) => (item) => value(a, item))];
  let sorted = 1, descending = true;
  function draw() {
    const by = columns[sorted];
    const order = [...names].sort((a, b) => {
      const [x, y] = [by(a), by(b)];
      if (x === null || y === null) return (x === null) - (y === null);
      return (x < y ? -1 : x > y ? 1 : 0) * (descending ? -1 : 1);
    });
    table("items", [medium.item, "mean", ...anchors.map((a) => titled(a, metric))],
      order.map((item) => ({ cells: [item, ...columns.slice(1).map((c) => rateCell(c(item)))] })));
    byId("items").querySelectorAll("th").forEach((heading, column) => {
      if (column === sorted) heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
      pressable(heading, () => {
        descending = column === sorted ? !descending : column > 0;
        sorted = column;
        draw();
      });
    });
    byId("items").querySelectorAll("tbody tr").forEach((row, index) => pressable(row, () => {
      metric = by;
      byId("item").value = order[index];
      byId("metrics").children[metrics.indexOf(by)].click();
      byId("chart").scrollIntoView({ behavior: "smooth", block: "center" });
    }));
  }
  draw();
}

function fillCosts() {
  byId("cost-part").hidden = !data.costs.length;
  table("costs", ["", "setting", "encode", "decode", "process: encode", "process: decode", "memory: encode",
    "memory: decode"], data.costs.map((c) => ({ class: c.coder === ours.name ? "ours" : "",
    cells: [titles[c.coder], String(c.setting),
      { text: milliseconds(c.encode_s), below: `\u00b1 ${Math.round(c.encode_spread * 50)} %` },
      { text: milliseconds(c.decode_s), below: `\u00b1 ${Math.round(c.decode_spread * 50)} %` },
      ...[c.whole_encode_s, c.whole_decode_s].map(milliseconds),
      mebi(c.peak_encode_bytes), mebi(c.peak_decode_bytes)] })));
}

function fillNotes() {
  byId("notes").append(...data.notes.map((note) => element("li", {}, note)));
  table("coders", ["codec", words("runs on"), words("fixed settings")],
    data.coders.map((c) => ({ cells: [c.title, words(c.library), words(c.settings)] })));
  byId("versions").textContent = Object.entries({ Python: data.machine.python, ...data.versions })
    .map(([name, version]) => `${name} ${version}`).join(", ");
}

function pressable(one, press) {
  one.tabIndex = 0;
  one.addEventListener("click", press);
  one.addEventListener("keydown", (event) => { if (event.key === "Enter") press(); });
}

// ---- buttons of which one is pressed

function segments(id, labels, chosen, choose) {
  const buttons = labels.map((label, index) => element("button", { type: "button", onclick: () => press(index) }, label));
  function press(index) {
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", i === index));
    choose(index);
  }
  byId(id).replaceChildren(...buttons);
  press(chosen);
}

// ---- curves

const GREYS = ["#7a828a", "#98a0a8"], FIRST_PUBLISHED = 4;
const series = [
  ...data.coders.map((c, i) => ({ name: c.name, title: c.title, colour: data.colours[i % data.colours.length], on: true,
    setting: c.setting_name })),
  ...data.published.map((p, i) => ({ published: p, title: p.name, colour: GREYS[i % 2], on: i < FIRST_PUBLISHED })),
];
let metric = main;

function scaled(score) {
  if (!metric.decibels) return metric.distance ? -score : score;
  const distance = metric.distance ? score : 1 - score;
  return distance > 0 ? -10 * Math.log10(distance) : null;
}

function pointsOf(one, item) {
  let points;
  if (one.published) points = item === MEAN ? one.published.points.map(([rate, scores]) => ({ rate, scores })) : [];
  else if (item in data.means) points = data.means[item][one.name];
  else points = data.points.filter((p) => p.coder === one.name && p.item === item);
  return points
    .filter((p) => (p.scores[metric.key] ?? null) !== null)
    .map((p) => ({ ...p, score: p.scores[metric.key], y: scaled(p.scores[metric.key]) }))
    .filter((p) => p.y !== null)
    .sort((a, b) => a.rate - b.rate);
}

function niceTicks(low, high, count) {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= raw);
  const ticks = [];
  for (let t = Math.ceil(low / step) * step; t <= high + step / 1e6; t += step) ticks.push(Math.round(t * 1e6) / 1e6);
  return ticks;
}

function chart() {
  const svg = byId("chart"), item = byId("item").value;
  const width = svg.parentElement.clientWidth, height = Math.round(Math.min(460, Math.max(300, width * 0.6)));
  const edge = { left: 44, right: 12, top: 12, bottom: 40 };
  const lines = series.filter((one) => one.on).map((one) => ({ one, points: pointsOf(one, item) }));
  const own = pointsOf(series[0], item);
  const all = lines.flatMap((line) => line.points);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  svg.replaceChildren();
  byId("tip").hidden = true;
  if (!all.length) return;
  const rates = (own.length > 1 ? own : all).map((p) => p.rate);
  const x0 = Math.min(...rates) * 0.88, x1 = Math.max(...rates) * 1.14;
  const inside = all.filter((p) => p.rate >= x0 && p.rate <= x1);
  const ys = inside.map((p) => p.y), margin = (Math.max(...ys) - Math.min(...ys)) * 0.04 || 1;
  const y0 = Math.min(...ys) - margin, y1 = Math.max(...ys) + margin;
  const x = (rate) => edge.left + (Math.log(rate / x0) / Math.log(x1 / x0)) * (width - edge.left - edge.right);
  const y = (value) => height - edge.bottom - ((value - y0) / (y1 - y0)) * (height - edge.top - edge.bottom);
  const bottom = height - edge.bottom;
  for (const tick of [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100].filter((t) => t >= x0 && t <= x1)) {
    svg.append(element("line", { class: "grid", x1: x(tick), x2: x(tick), y1: edge.top, y2: bottom }),
      element("text", { x: x(tick), y: bottom + 16, "text-anchor": "middle" }, String(tick)));
  }
  for (const tick of niceTicks(y0, y1, height / 60)) {
    svg.append(element("line", { class: "grid", x1: edge.left, x2: width - edge.right, y1: y(tick), y2: y(tick) }),
      element("text", { x: edge.left - 6, y: y(tick) + 4, "text-anchor": "end" }, String(tick).replace("-", MINUS)));
  }
  const unit = unitOf(metric);
  svg.append(element("text", { x: width - edge.right, y: height - 6, "text-anchor": "end" }, medium.rate_unit),
    element("text", { x: edge.left + 6, y: edge.top + 10 }, `${metric.title}${unit ? `, ${unit}` : ""}`));
  svg.append(element("clipPath", { id: "inside" }, element("rect", { x: edge.left, y: edge.top,
    width: width - edge.left - edge.right, height: bottom - edge.top })));
  const drawn = element("g", { "clip-path": "url(#inside)" });
  const spots = [];
  for (const { one, points } of [...lines].reverse()) {
    const path = points.map((p, i) => `${i ? "L" : "M"}${x(p.rate).toFixed(1)} ${y(p.y).toFixed(1)}`).join("");
    const first = one === series[0];
    drawn.append(element("path", { class: "curve", d: path, stroke: one.colour,
      "stroke-width": first ? 3 : one.published ? 1.6 : 1.8, "stroke-dasharray": one.published ? "2 4" : null }));
    for (const p of points) {
      if (p.rate < x0 || p.rate > x1) continue;
      spots.push({ one, p, x: x(p.rate), y: y(p.y) });
      if (!one.published) drawn.append(element("circle", { cx: x(p.rate), cy: y(p.y), r: first ? 4 : 2.5, fill: one.colour }));
    }
  }
  svg.append(drawn);
  for (const { one, points } of lines.filter((line) => line.one.published)) {
    const last = points.filter((p) => p.rate <= x1 && p.y <= y1).pop();
    if (last) svg.append(element("text", { class: "name", x: x(last.rate) - 4, y: y(last.y) - 6, "text-anchor": "end" }, one.title));
  }
  svg.onpointermove = svg.onpointerdown = (event) => hover(event, spots, width);
  svg.onpointerleave = () => { byId("tip").hidden = true; };
}

function hover(event, spots, width) {
  const box = byId("chart").getBoundingClientRect(), px = event.clientX - box.left, py = event.clientY - box.top;
  const distance = (s) => (s.x - px) ** 2 + (s.y - py) ** 2;
  const near = spots.reduce((best, s) => (!best || distance(s) < distance(best) ? s : best), null);
  const tip = byId("tip");
  tip.hidden = !near || distance(near) > 40 ** 2;
  if (tip.hidden) return;
  const { one, p } = near;
  tip.replaceChildren(element("b", {}, one.title), element("br"),
    `${p.rate.toFixed(3)} ${medium.rate_unit}, ${metric.title} ${shown(p.score, metric.digits)} ${metric.unit}`,
    ...(p.setting === undefined ? [] : [element("br"), `${one.setting} ${p.setting}`]));
  tip.style.left = `${Math.max(0, Math.min(near.x + 12, width - tip.offsetWidth))}px`;
  tip.style.top = `${near.y > 70 ? near.y - tip.offsetHeight - 10 : near.y + 14}px`;
}

function startCurves() {
  byId("item").append(element("option", { value: MEAN }, `mean over ${medium.item}s`),
    ...groups.map((group) => element("option", { value: group }, `mean over ${group}`)),
    ...data.comparison.worst_first.map((name) => element("option", { value: name }, name)));
  byId("item").addEventListener("change", chart);
  byId("legend").append(...series.map((one) => element("button", { type: "button", "aria-pressed": one.on,
    onclick: (event) => {
      one.on = !one.on;
      event.currentTarget.setAttribute("aria-pressed", one.on);
      chart();
    } }, element("i", { style: `border-color:${one.colour}`, class: one.published ? "dotted" : null }), one.title)));
  segments("metrics", metrics.map((m) => m.title), 0, (index) => {
    metric = metrics[index];
    const has = (item) => pointsOf(series[0], item).length > 0;  // not every class has every metric
    if (!has(byId("item").value)) byId("item").value = [MEAN, ...groups].find(has) ?? MEAN;
    chart();
  });
  new ResizeObserver(chart).observe(byId("chart").parentElement);
}

// ---- side by side

const ZOOMS = [1, 2, 3, 4];
const scenes = data.scenes ?? [];
let scene = scenes[0], zoom = 1;

function hardest() {
  const rate = (anchor) => against[anchor.name].bd_rate_percent[ranking.key].value ?? -Infinity;
  return anchors.reduce((best, a) => (best === null || rate(a) > rate(best) ? a : best), null)?.name ?? "";
}

function facts(one) {
  if (one.size_bytes === null) return "";
  const own = scene.shown.find((s) => s.name === ours.name).size_bytes, ratio = one.size_bytes / own;
  const relative = one.name === ours.name ? "" : `, ${ratio.toFixed(2)} \u00d7 ${subject}`;
  return `${bytes(one.size_bytes)}${relative}, ${shown(one.psnr_db, 2)} dB`;
}

function view() {
  const [left, right] = ["left", "right"].map((side) => scene.shown[byId(side).selectedIndex]);
  byId("under").src = left.uri;
  byId("under").alt = left.title;
  byId("over").src = right.uri;
  byId("over").alt = right.title;
  byId("left-facts").textContent = facts(left);
  byId("right-facts").textContent = facts(right);
  byId("stage").style.width = `${scene.width * zoom}px`;
  byId("stage").style.height = `${scene.height * zoom}px`;
  byId("slider").style.maxWidth = `${scene.width * zoom}px`;  // as long as what it divides
  byId("place").textContent = `${scene.item}: ${scene.width} \u00d7 ${scene.height} pixels at ${scene.x}, ${scene.y}, ` +
    `where ${subject} is furthest from the original. Drag over the picture or use the slider.`;
  divide();
}

function divide() {
  const at = byId("slider").value;
  byId("over").style.clipPath = `inset(0 0 0 ${at}%)`;
  byId("divider").style.left = `${at}%`;
}

function startViewer() {
  if (!scene) return;
  byId("viewer").hidden = false;
  for (const [side, chosen] of [["left", ours.name], ["right", hardest()]]) {
    byId(side).append(...scene.shown.map((s) => element("option", { value: s.name }, s.title)));
    byId(side).value = chosen;
    byId(side).addEventListener("change", view);
  }
  byId("slider").addEventListener("input", divide);
  const stage = byId("stage");
  stage.addEventListener("pointermove", (event) => {
    if (event.pointerType === "mouse" && !event.buttons) return;
    const box = stage.getBoundingClientRect();
    byId("slider").value = ((event.clientX - box.left) / box.width) * 100;
    divide();
  });
  const wide = byId("frame").clientWidth;
  segments("scenes", scenes.map((s) => `${s.why}: ${s.item}`), 0, (index) => {
    scene = scenes[index];
    for (const [side, chosen] of [["left", byId("left").value], ["right", byId("right").value]]) {
      byId(side).replaceChildren(...scene.shown.map((s) => element("option", { value: s.name }, s.title)));
      byId(side).value = scene.shown.some((s) => s.name === chosen) ? chosen : scene.shown[side === "left" ? 1 : 0].name;
    }
    view();
  });
  const fitting = Math.max(0, ZOOMS.filter((z) => scene.width * z <= wide).length - 1);
  segments("zooms", ZOOMS.map((z) => `${z}\u00d7`), fitting, (index) => { zoom = ZOOMS[index]; view(); });
}

function fillSheet() {
  if (scenes.length < 2) return;
  byId("sheet-part").hidden = false;
  byId("sheet").append(...scenes.map((one, index) => element("div", { class: "row" },
    element("h3", {}, `${one.item} (${one.why})`),
    element("div", { class: "crops" }, ...data.sheet.map((name) => one.shown.find((s) => s.name === name)).map((crop) =>
      element("figure", {}, element("button", { type: "button", "aria-label": `${one.item}, ${crop.title}: side by side`,
        onclick: () => {
          byId("scenes").children[index].click();
          byId("right").value = crop.name;
          view();
          byId("viewer").scrollIntoView({ behavior: "smooth" });
        } }, element("img", { src: crop.uri, alt: "", width: one.width, height: one.height })),
      element("figcaption", {}, crop.size_bytes === null ? crop.title :
        `${crop.title}: ${bytes(crop.size_bytes)}, ${shown(crop.psnr_db, 2)} dB`)))))));
}

// ---- keyboard

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || ["SELECT", "INPUT"].includes(event.target.tagName)) return;
  const next = (id) => {
    const buttons = [...byId(id).children], at = buttons.findIndex((b) => b.getAttribute("aria-pressed") === "true");
    buttons[(at + 1) % buttons.length]?.click();
  };
  const step = (by) => {
    const select = byId("item"), count = select.options.length;
    select.selectedIndex = (select.selectedIndex + by + count) % count;
    chart();
  };
  const slide = (by) => { byId("slider").value = Number(byId("slider").value) + by; divide(); };
  const swap = () => {
    [byId("left").value, byId("right").value] = [byId("right").value, byId("left").value];
    view();
  };
  const keys = { m: () => next("metrics"), j: () => step(1), k: () => step(-1),
    ...(scene ? { ArrowLeft: () => slide(-2), ArrowRight: () => slide(2), x: swap, z: () => next("zooms") } : {}) };
  keys[event.key]?.();
}

// ---- excerpts

function scoresOf(heard) {
  const scores = metrics.filter((m) => (heard.scores[m.key] ?? null) !== null)
    .map((m) => `${m.title} ${shown(heard.scores[m.key], m.digits)}`);
  return heard.rate === null ? "" : [`${shown(heard.rate, medium.rate_digits)} ${medium.rate_unit}`, ...scores].join(", ");
}

function listen(audition) {
  const { item, start_s, duration_s, top_hz, heard } = audition;
  byId("audition-place").textContent = `${item}: ${duration_s} seconds from ${start_s} s, where ${subject} is furthest ` +
    "from the original; rates and scores are those of the whole clip. A spectrogram plays from where it is touched.";
  const players = heard.map((one) => element("audio", { controls: "", preload: "none", src: one.audio }));
  byId("heard").replaceChildren(...heard.map((one, index) => {
    const player = players[index], mark = element("i", {}), picture = element("div", { class: "spectrogram" },
      element("img", { src: one.spectrogram, alt: `Spectrogram: ${one.title}` }),
      element("span", {}, `${top_hz / 1000} kHz`), mark);
    const move = () => { mark.style.left = `${(player.currentTime / duration_s) * 100}%`; };
    player.addEventListener("timeupdate", move);
    player.addEventListener("seeked", move);
    player.addEventListener("play", () => players.filter((p) => p !== player).forEach((p) => p.pause()));
    picture.addEventListener("click", (event) => {
      const box = picture.getBoundingClientRect();
      player.currentTime = ((event.clientX - box.left) / box.width) * duration_s;
      player.play();
    });
    return element("div", { class: "heard" },
      element("header", {}, element("b", {}, one.title), element("span", { class: "quiet" }, scoresOf(one))), picture, player);
  }));
}

function startListening() {
  const auditions = data.auditions ?? [];
  if (!auditions.length) return;
  byId("listening").hidden = false;
  segments("auditions", auditions.map((a) => `${a.why}: ${a.item}`), 0, (index) => listen(auditions[index]));
}

fillHeader();
fillDeltas();
fillMatrix();
fillEqual();
fillCosts();
fillNotes();
startCurves();
fillItems();
startViewer();
fillSheet();
document.addEventListener("keydown", onKey);
startListening();
