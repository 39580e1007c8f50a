/** Samples without loss: tiles through the browser's own decoder of WebP and PNG, alpha from PNG (SPEC, section 3). */

import { CorruptFile, Reader, uint32At } from "./bytes";
import { inflated } from "./inflate";
import { paeth } from "./png";

export type Samples = Uint8Array | Uint16Array;

const PNG_BEGIN = [0x89, 0x50, 0x4e, 0x47];

/** The pixels of a tile, row by row: `channels` values each. */
export async function tilePixels(
  data: Uint8Array,
  width: number,
  height: number,
  channels: number,
  bitDepth: number,
): Promise<Samples> {
  if (bitDepth === 8) return plane(data, width, height, channels);
  const reader = new Reader(data);
  const first = reader.take(reader.varint());
  const high = await plane(first, width, height, channels);
  const low = await plane(data.subarray(reader.at), width, height, channels);
  return Uint16Array.from(high, (value, i) => (value << 8) | ((value + low[i]) & 255));
}

async function plane(data: Uint8Array, width: number, height: number, channels: number): Promise<Uint8Array> {
  const type = PNG_BEGIN.every((byte, i) => data[i] === byte) ? "image/png" : "image/webp";
  const options: ImageBitmapOptions = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(new Blob([data.slice()], { type }), options);
  } catch {
    throw new CorruptFile("a tile without loss is no image that this browser reads");
  }
  if (bitmap.width !== width || bitmap.height !== height) {
    throw new CorruptFile(`pixels of ${bitmap.width} x ${bitmap.height}, not ${width} x ${height}`);
  }
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser has no canvas for workers");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const found = context.getImageData(0, 0, width, height).data;
  const samples = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < channels; c++) samples[i * channels + c] = found[4 * i + c];
  }
  return samples;
}

/** The samples of a grey PNG; browsers would give 8 of its 16 bits. */
export async function greyPng(data: Uint8Array, width: number, height: number, bitDepth: number): Promise<Samples> {
  const packed: Uint8Array[] = [];
  let head = new Uint8Array(13);
  for (let at = 8; at + 12 <= data.length; ) {
    const length = swapped(uint32At(data, at));
    const name = String.fromCharCode(...data.subarray(at + 4, at + 8));
    const body = data.subarray(at + 8, at + 8 + length);
    if (name === "IHDR") head = body.slice();
    if (name === "IDAT") packed.push(body);
    at += 12 + length;
  }
  const isWanted = head[8] === bitDepth && head[9] === 0 && head[12] === 0; // grey, not interlaced
  if (swapped(uint32At(head, 0)) !== width || swapped(uint32At(head, 4)) !== height || !isWanted) {
    throw new CorruptFile("alpha is no grey PNG of the image's size and depth");
  }
  const size = bitDepth / 8;
  const longest = (width * size + 1) * height;
  const lines = unfiltered(await inflated(packed, longest), width * size, height, size);
  if (size === 1) return lines;
  return Uint16Array.from({ length: width * height }, (_, i) => (lines[2 * i] << 8) | lines[2 * i + 1]);
}

/** Lines of bytes without their filters (PNG, section 9). */
function unfiltered(data: Uint8Array, line: number, height: number, size: number): Uint8Array {
  if (data.length !== (line + 1) * height) throw new CorruptFile("alpha has another number of samples");
  const out = new Uint8Array(line * height);
  for (let row = 0; row < height; row++) {
    const filter = data[row * (line + 1)];
    for (let i = 0; i < line; i++) {
      const at = row * line + i;
      const left = i >= size ? out[at - size] : 0;
      const up = row > 0 ? out[at - line] : 0;
      const corner = i >= size && row > 0 ? out[at - line - size] : 0;
      const predicted = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
      out[at] = data[row * (line + 1) + 1 + i] + predicted;
    }
  }
  return out;
}

function swapped(value: number): number {
  return new DataView(Uint32Array.of(value).buffer).getUint32(0, false);
}
