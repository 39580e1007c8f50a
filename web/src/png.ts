/** Pixels as a PNG file, at their depth and with their profile and EXIF: browsers show it as it is meant. */

import { bytesOf, crc32, joined } from "./bytes";
import type { Decoded } from "./decoder";

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const PAETH = 4; // the filter of every line
const NAME_OF_PROFILE = "profile";

/** icc: one zlib stream, as the file has it; exif: the TIFF structure alone. */
export interface Metadata {
  icc: Uint8Array | null;
  exif: Uint8Array | null;
}

export async function png(image: Decoded, { icc, exif }: Metadata): Promise<Uint8Array> {
  const { width, height, channels, bitDepth, alpha } = image;
  const colourType = (channels === 3 ? 2 : 0) + (alpha ? 4 : 0);
  const head = joined([bigEndian(width), bigEndian(height), Uint8Array.of(bitDepth, colourType, 0, 0, 0)]);
  const profile = icc && joined([latin(`${NAME_OF_PROFILE}\0\0`), icc]);
  return joined([
    SIGNATURE,
    chunk("IHDR", head),
    profile ? chunk("iCCP", profile) : chunk("sRGB", Uint8Array.of(0)),
    ...(exif ? [chunk("eXIf", exif)] : []),
    chunk("IDAT", await deflated(filtered(samples(image), width, height))),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

/** Samples in the order of PNG, alpha behind colours, bytes big-endian. */
function samples({ width, height, pixels, channels, bitDepth, alpha }: Decoded): Uint8Array {
  const each = channels + (alpha ? 1 : 0);
  const out = bitDepth === 8 ? new Uint8Array(width * height * each) : new Uint16Array(width * height * each);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < channels; c++) out[i * each + c] = pixels[i * channels + c];
    if (alpha) out[i * each + channels] = alpha[i];
  }
  if (out instanceof Uint8Array) return out;
  for (let i = 0; i < out.length; i++) out[i] = (out[i] << 8) | (out[i] >> 8);
  return bytesOf(out);
}

function filtered(data: Uint8Array, width: number, height: number): Uint8Array {
  const line = data.length / height;
  const size = line / width;
  const out = new Uint8Array(data.length + height);
  for (let row = 0; row < height; row++) {
    const to = row * (line + 1);
    out[to] = PAETH;
    for (let i = 0; i < line; i++) {
      const at = row * line + i;
      const left = i >= size ? data[at - size] : 0;
      const up = row > 0 ? data[at - line] : 0;
      const corner = i >= size && row > 0 ? data[at - line - size] : 0;
      out[to + 1 + i] = data[at] - paeth(left, up, corner);
    }
  }
  return out;
}

/** The predictor of PNG's fourth filter. */
export function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

async function deflated(data: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([data.slice()]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function chunk(name: string, data: Uint8Array): Uint8Array {
  const body = joined([latin(name), data]);
  return joined([bigEndian(data.length), body, bigEndian(crc32(body))]);
}

function bigEndian(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function latin(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
