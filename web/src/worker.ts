/** Decodes away from the page, so that it stays responsive. */

import { type Decoded, decode } from "./decoder";
import { Model } from "./model";
import { png } from "./png";

/** `number` comes back with the answer; `wantsAll` asks for samples and latents too, as tests do. */
export interface Request {
  number: number;
  data: Uint8Array;
  wantsAll?: boolean;
}

export interface Answer {
  number: number;
  error?: string;
  width?: number;
  height?: number;
  png?: Blob;
  damage?: string[];
  seconds?: number;
  all?: Decoded;
}

const here = (name: string) => new URL(name, self.location.href).href;
const model = Model.load(here("model"), here("ort-wasm-simd-threaded.wasm"));
model.catch(() => {}); // told to whoever asks

self.onmessage = async ({ data: request }: MessageEvent<Request>) => {
  const { number } = request;
  let answer: Answer = { number };
  try {
    const loaded = await model;
    const begin = performance.now();
    const found = await decode(loaded, request.data, request.wantsAll);
    const { width, height, damage } = found;
    const seconds = (performance.now() - begin) / 1000;
    const file = new Blob([(await png(found, found.metadata)).slice()], { type: "image/png" });
    answer = { number, width, height, damage, seconds, png: file, all: request.wantsAll ? found : undefined };
  } catch (error) {
    answer.error = error instanceof Error ? error.message : String(error);
  }
  self.postMessage(answer);
};
