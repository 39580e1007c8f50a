// Sends a dropped file with the wished quality, and shows what comes back beside the original.

const PAUSE_MS = 250; // after a slider was moved, before the file is sent again

const element = (id) => document.getElementById(id);
const wish = element("wish");
let file = null; // what was dropped
let running = null; // the request in work, which a newer one ends
let pause = 0;
const urls = new Map(); // of what is shown, by the id of what shows it

function show(id, blob) {
  if (urls.has(id)) URL.revokeObjectURL(urls.get(id));
  urls.set(id, URL.createObjectURL(blob));
  return urls.get(id);
}

function say(text, wrong = false) {
  element("status").textContent = text;
  element("status").classList.toggle("wrong", wrong);
}

function settle(isImage = true) {
  wish.effort.disabled = wish.metric.disabled = !isImage; // of sounds there is only quality
  element("quality-shown").value = wish.quality.value;
  element("effort-shown").value = wish.effort.value;
  element("refined").disabled = Number(wish.effort.value) < 2; // there are no weights for it
  if (element("refined").disabled && element("refined").selected) wish.metric.selectedIndex = 0;
}

const bytes = (count) =>
  count < 1000 ? `${count} bytes` : count < 1e6 ? `${(count / 1000).toFixed(1)} kB` : `${(count / 1e6).toFixed(2)} MB`;

function factsOf(told) {
  const facts = [["size", bytes(told.bytes)]];
  if (told.encode_s !== undefined) {
    facts.unshift(["original", bytes(told.source_bytes)]);
    facts.push(["ratio", `${(told.source_bytes / told.bytes).toFixed(1)} to 1`]);
  }
  if (told.media === "image") {
    facts.push(["pixels", `${told.width} × ${told.height}`], ["rate", `${told.rate_bpp.toFixed(3)} bit/pixel`]);
  } else {
    facts.push(["length", `${told.duration_s.toFixed(1)} s`], ["rate", `${told.rate_kbps.toFixed(1)} kbit/s`]);
  }
  if (told.ssimulacra2 != null) facts.push(["SSIMULACRA 2", told.ssimulacra2.toFixed(1)]);
  if (told.encode_s !== undefined) facts.push(["compressed in", `${told.encode_s.toFixed(2)} s`]);
  facts.push(["restored in", `${told.decode_s.toFixed(2)} s`]);
  return facts;
}

function present(told, coded, restored) {
  const isImage = told.media === "image";
  const isCoded = told.encode_s === undefined; // an .lcc file is all there is
  settle(isImage);
  document.querySelector("main").hidden = false;
  document.querySelector("main").classList.toggle("alone", isCoded);
  element("picture").hidden = !isImage;
  element("sound").hidden = isImage;
  if (isImage) {
    element("restored").src = show("restored", restored);
  } else {
    const player = element("restored-sound");
    const at = player.currentTime;
    player.src = show("restored-sound", restored);
    player.currentTime = at;
  }
  element("facts").replaceChildren(
    ...factsOf(told).map(([name, value]) => {
      const pair = document.createElement("div");
      pair.append(
        Object.assign(document.createElement("dt"), { textContent: name }),
        Object.assign(document.createElement("dd"), { textContent: value }),
      );
      return pair;
    }),
  );
  element("notices").textContent = told.notices.join("; ");
  element("download").href = show("download", coded);
  element("download").download = file.name.replace(/\.[^.]*$/, "") + ".lcc";
  if (isCoded) element("source").src = element("restored").src;
}

async function code() {
  running?.abort();
  const mine = (running = new AbortController());
  document.body.classList.add("busy");
  say(`${file.name}: at work …`);
  try {
    const answer = await fetch(`code?${new URLSearchParams(new FormData(wish))}`, {
      method: "POST",
      body: file,
      headers: { "Content-Type": "application/octet-stream" },
      signal: mine.signal,
    });
    if (!answer.ok) {
      const { error } = await answer.json().catch(() => ({ error: `the server says ${answer.status}` }));
      throw new Error(error);
    }
    const parts = await answer.formData();
    present(JSON.parse(await parts.get("facts").text()), parts.get("file"), parts.get("restored"));
    say(file.name);
  } catch (error) {
    if (error.name === "AbortError") return;
    say(`${file.name}: ${error.message}`, true);
  }
  if (running === mine) document.body.classList.remove("busy");
}

function take(dropped) {
  if (!dropped) return;
  file = dropped;
  document.querySelector("main").hidden = true;
  element("source").src = show("source", file);
  element("source-sound").src = show("source-sound", file);
  settle();
  code();
}

element("source").addEventListener("error", () => {
  // a format that browsers do not show: both sides are the restored one
  if (element("restored").src) element("source").src = element("restored").src;
});
element("file").addEventListener("change", (event) => take(event.target.files[0]));
element("wipe").addEventListener("input", (event) => element("stage").style.setProperty("--cut", `${event.target.value}%`));
for (const kind of ["pointerdown", "pointermove"]) {
  element("stage").addEventListener(kind, (event) => {
    if (event.buttons !== 1) return;
    event.preventDefault(); // neither a drag of the picture nor a scroll
    const { left, width } = element("stage").getBoundingClientRect();
    element("wipe").value = (100 * (event.clientX - left)) / width;
    element("wipe").dispatchEvent(new Event("input"));
  });
}
wish.addEventListener("submit", (event) => event.preventDefault());
wish.addEventListener("input", () => {
  settle(!wish.effort.disabled);
  clearTimeout(pause);
  if (file) pause = setTimeout(code, PAUSE_MS);
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", () => document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  take(event.dataTransfer.files[0]);
});
settle();
