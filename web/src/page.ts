/** The page: drop a picture, see it, and how it looks when only a part of the file has come. */

import type { Answer, Request } from "./worker";

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const drop = element<HTMLElement>("drop");
const picture = element<HTMLImageElement>("picture");
const status = element<HTMLElement>("status");
const damage = element<HTMLElement>("damage");
const share = element<HTMLInputElement>("share");
const part = element<HTMLElement>("part");
const input = element<HTMLInputElement>("file");
const save = element<HTMLAnchorElement>("save");

const worker = new Worker("worker.js", { type: "module" });
const waiting = new Map<number, (answer: Answer) => void>();
let asked = 0;

worker.onmessage = ({ data: answer }: MessageEvent<Answer>) => {
  waiting.get(answer.number)?.(answer);
  waiting.delete(answer.number);
};
worker.onerror = (event) => show(`The decoder did not start: ${event.message}`, true);

function ask(data: Uint8Array, wantsAll = false): Promise<Answer> {
  const request: Request = { number: ++asked, data, wantsAll };
  return new Promise((resolve) => {
    waiting.set(request.number, resolve);
    worker.postMessage(request);
  });
}

let name = "";
let file = new Uint8Array(0);
let isBusy = false;
let isStale = false;

function show(text: string, isError = false): void {
  status.textContent = text;
  status.classList.toggle("error", isError);
}

/** Decodes what the slider says; only the newest wish counts where several come while one is worked on. */
async function refresh(): Promise<void> {
  if (isBusy) {
    isStale = true;
    return;
  }
  isBusy = true;
  try {
    do {
      isStale = false;
      const bytes = Math.ceil((file.length * share.valueAsNumber) / 100);
      show(`${name}: decoding`);
      const answer = await ask(file.slice(0, bytes));
      if (!isStale) await draw(answer, bytes);
    } while (isStale);
  } catch (error) {
    show(`${name}: ${error}`, true); // such as a picture that is too large for the browser
  } finally {
    isBusy = false;
  }
}

async function draw(answer: Answer, bytes: number): Promise<void> {
  const isPart = bytes < file.length;
  part.textContent = isPart ? `${bytes.toLocaleString("en")} of ${sizeOf(file.length)}` : sizeOf(file.length);
  damage.textContent = "";
  save.hidden = !!answer.error;
  if (answer.error || !answer.png) {
    show(`${name}: ${answer.error}`, true);
    return;
  }
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(answer.png);
  await picture.decode(); // a picture that is half drawn is not shown
  picture.hidden = false;
  save.href = picture.src;
  save.download = name.replace(/\.lcc$/, "") + ".png";
  show(`${name}: ${answer.width} x ${answer.height}, decoded in ${answer.seconds?.toFixed(2)} s`);
  // of a part it is no news that the rest is missing
  if (!isPart) damage.textContent = (answer.damage ?? []).slice(0, 5).join("; ");
}

function sizeOf(bytes: number): string {
  return `${bytes.toLocaleString("en")} bytes`;
}

async function open(chosen: File | undefined): Promise<void> {
  if (!chosen) return;
  name = chosen.name;
  file = new Uint8Array(await chosen.arrayBuffer());
  share.value = "100";
  element("controls").hidden = false;
  await refresh();
}

for (const event of ["dragenter", "dragover", "dragleave", "drop"]) {
  window.addEventListener(event, (dragged) => {
    dragged.preventDefault();
    drop.classList.toggle("over", event === "dragenter" || event === "dragover");
  });
}
window.addEventListener("drop", (event) => void open((event as DragEvent).dataTransfer?.files[0]));
input.addEventListener("change", () => void open(input.files?.[0]));
share.addEventListener("input", () => void refresh());
// for tests, and for whoever builds on this
Object.assign(window, { decodeLcc: ask });
