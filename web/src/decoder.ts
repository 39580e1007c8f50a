/** An .lcc image to pixels. */

import { CorruptFile, bytesOf, crc32c, uint32At } from "./bytes";
import {
  EXIF,
  ICC,
  type ImageFile,
  type ImageHeader,
  type Rect,
  STRIDE,
  TILE_LOSSLESS,
  type Tile,
  parseImage,
} from "./container";
import { exp2 } from "./fixed_point";
import { inflated } from "./inflate";
import { type Samples, greyPng, tilePixels } from "./lossless";
import { type Model, tensor } from "./model";
import { Passes } from "./passes";
import type { Metadata } from "./png";
import { type Shape, walk } from "./walk";

const MAX_METADATA = 2 ** 26;

export interface Decoded {
  width: number;
  height: number;
  /** Rows of pixels, of 1 or 3 channels, at the depth of the source. */
  pixels: Samples;
  channels: 1 | 3;
  bitDepth: 8 | 16;
  alpha: Samples | null;
  /** Of every tile, 6 fractional bits; none where they were not asked for. */
  latents: Int32Array[];
  metadata: Metadata;
  /** What of the file is missing or wrong, in words; empty of a file without faults. */
  damage: string[];
}

/** What is in a file, whole or not. Raises CorruptFile where nothing can be shown. */
export async function decode(model: Model, data: Uint8Array, keepsLatents = false): Promise<Decoded> {
  const file = parseImage(data);
  const { header } = file;
  model.check(header.model, header.digest, header.stepIndex);
  const image = new Image(model, file, keepsLatents);
  for (let number = 0; number < file.tiles.length; number++) await image.decodeTile(number);
  for (let number = 0; number < file.tiles.length; number++) await image.synthesise(number);
  const { width, height, channels, bitDepth } = header;
  const [alpha, metadata] = [await alphaOf(file), await metadataOf(file)];
  const { pixels, latents } = image;
  return { width, height, channels, bitDepth, pixels, alpha, latents, metadata, damage: file.damage };
}

class Image {
  readonly pixels: Samples;
  readonly latents: Int32Array[] = [];
  private readonly header: ImageHeader;
  private readonly grid: Shape;
  private readonly features: Float32Array; // of the whole image
  private readonly exact: (Samples | null)[] = [];

  constructor(
    private readonly model: Model,
    private readonly file: ImageFile,
    private readonly keepsLatents: boolean,
  ) {
    this.header = file.header;
    const { width, height, channels, bitDepth } = this.header;
    this.grid = latentShape(this.header);
    this.features = new Float32Array(this.grid.rows * this.grid.columns * model.channels);
    const count = width * height * channels;
    this.pixels = bitDepth === 8 ? new Uint8Array(count) : new Uint16Array(count);
  }

  /** The latents of a tile, or its pixels where it holds them without loss. */
  async decodeTile(number: number): Promise<void> {
    const tile = this.file.tiles[number];
    const shape = latentShape(tile.rect);
    let y: Int32Array = new Int32Array(shape.rows * shape.columns * this.model.channels);
    let exact: Samples | null = null;
    try {
      if (tile.kind === TILE_LOSSLESS) exact = tile.isWhole ? await this.exactPixels(tile, number) : null;
      else if (tile.isWhole) y = await this.wholeLatents(tile, shape, number);
      else if (tile.stream.length > 4) y = await this.knownLatents(tile, shape);
      if (!tile.isWhole) this.file.damage.push(`tile ${number} is not whole`);
    } catch (error) {
      if (!(error instanceof CorruptFile)) throw error;
      this.file.damage.push(`tile ${number}: ${error.message}`);
    }
    if (this.keepsLatents) this.latents.push(y);
    this.exact.push(exact);
    this.place(y, tile.rect, shape);
  }

  /** Writes the pixels of a tile, once the features of all tiles are known. */
  async synthesise(number: number): Promise<void> {
    const { rect } = this.file.tiles[number];
    const exact = this.exact[number];
    if (exact) return this.write(rect, (row, column, c) => exact[(row * rect.width + column) * this.header.channels + c]);
    const halo = this.model.numbers.synthesisHalo;
    const shape = latentShape(rect);
    const [y, x] = [rect.top / STRIDE, rect.left / STRIDE];
    const [top, left] = [Math.max(y - halo, 0), Math.max(x - halo, 0)];
    const rows = Math.min(y + shape.rows + halo, this.grid.rows) - top;
    const columns = Math.min(x + shape.columns + halo, this.grid.columns) - left;
    const { channels } = this.model;
    const seen = new Float32Array(rows * columns * channels);
    for (let row = 0; row < rows; row++) {
      const begin = ((top + row) * this.grid.columns + left) * channels;
      seen.set(this.features.subarray(begin, begin + columns * channels), row * columns * channels);
    }
    const found = await this.model.run("synthesis", {
      features: tensor({ data: seen, shape: [1, rows, columns, channels] }),
      ...this.model.conditions(this.header.stepIndex),
    });
    const [height, width] = [rows * STRIDE, columns * STRIDE];
    const [down, right] = [(y - top) * STRIDE, (x - left) * STRIDE];
    const plane = height * width; // colours come out one behind the other
    const factor = this.header.bitDepth === 8 ? 1 : 257;
    const isGrey = this.header.channels === 1;
    this.write(rect, (row, column, c) => {
      const at = (row + down) * width + column + right;
      const value = isGrey
        ? (found.x[at] + found.x[at + plane] + found.x[at + 2 * plane]) / 3
        : found.x[at + c * plane];
      return Math.min(Math.max(Math.round(value * factor), 0), 255 * factor);
    });
  }

  private async wholeLatents(tile: Tile, shape: Shape, number: number): Promise<Int32Array> {
    const { stream } = tile;
    if (stream.length < 4 || stream.length % 4) throw new CorruptFile(`a stream of ${stream.length} bytes`);
    const passes = new Passes(this.model.tables, stream.subarray(0, -4), true, tile.kind);
    const y = await walk(this.model, passes, shape, this.header.stepIndex);
    passes.finish();
    this.compare(stream, number, bytesOf(y), "latents");
    return y;
  }

  /** What is known of the latents of a tile whose stream is cut. */
  private async knownLatents(tile: Tile, shape: Shape): Promise<Int32Array> {
    const beginning = (coded: Uint8Array) => new Passes(this.model.tables, coded, false, tile.kind);
    try {
      // the last four bytes may belong to the checksum
      return await walk(this.model, beginning(tile.stream.subarray(0, -4)), shape, this.header.stepIndex);
    } catch (error) {
      if (!(error instanceof CorruptFile)) throw error;
      return walk(this.model, beginning(new Uint8Array(0)), shape, this.header.stepIndex);
    }
  }

  private async exactPixels(tile: Tile, number: number): Promise<Samples> {
    const { channels, bitDepth } = this.header;
    const coded = tile.stream.subarray(0, -4);
    const pixels = await tilePixels(coded, tile.rect.width, tile.rect.height, channels, bitDepth);
    this.compare(tile.stream, number, bytesOf(pixels), "pixels");
    return pixels;
  }

  /** Raises CorruptFile unless the checksum behind a stream is that of what was decoded. */
  private compare(stream: Uint8Array, number: number, found: Uint8Array, what: string): void {
    const sum = crc32c(this.header.payload, bytesOf(Uint32Array.of(number)), found);
    if (sum !== uint32At(stream, stream.length - 4)) {
      throw new CorruptFile(`the ${what} are not those that were coded`);
    }
  }

  /** Puts the features of a tile into those of the image. */
  private place(y: Int32Array, rect: Rect, shape: Shape): void {
    const { channels } = this.model;
    const log2Step = this.model.log2Steps(this.header.stepIndex);
    const perStep = Float64Array.from(log2Step, (step, c) => 1 / (64 * exp2(this.model.numbers.log2Norm[c] - step)));
    const [top, left] = [rect.top / STRIDE, rect.left / STRIDE];
    for (let row = 0; row < shape.rows; row++) {
      const to = ((top + row) * this.grid.columns + left) * channels;
      const from = row * shape.columns * channels;
      for (let i = 0; i < shape.columns * channels; i++) this.features[to + i] = y[from + i] * perStep[i % channels];
    }
  }

  private write(rect: Rect, value: (row: number, column: number, channel: number) => number): void {
    const { width, channels } = this.header;
    for (let row = 0; row < rect.height; row++) {
      let at = ((rect.top + row) * width + rect.left) * channels;
      for (let column = 0; column < rect.width; column++) {
        for (let c = 0; c < channels; c++) this.pixels[at++] = value(row, column, c);
      }
    }
  }
}

function latentShape({ width, height }: { width: number; height: number }): Shape {
  return { rows: Math.ceil(height / STRIDE), columns: Math.ceil(width / STRIDE) };
}

/** Alpha at the depth of the source; null where there is none, or it is damaged. */
async function alphaOf(file: ImageFile): Promise<Samples | null> {
  if (!file.alpha) return null;
  const { width, height, bitDepth } = file.header;
  try {
    const alpha = await greyPng(file.alpha.subarray(4), width, height, bitDepth);
    if (crc32c(bytesOf(alpha)) !== uint32At(file.alpha, 0)) throw new CorruptFile("alpha is not that which was coded");
    return alpha;
  } catch (error) {
    if (!(error instanceof CorruptFile)) throw error;
    file.damage.push(error.message);
    return null;
  }
}

async function metadataOf(file: ImageFile): Promise<Metadata> {
  const exif = file.metadata.get(EXIF);
  try {
    return { icc: file.metadata.get(ICC) ?? null, exif: exif ? await inflated([exif], MAX_METADATA) : null };
  } catch (error) {
    if (!(error instanceof CorruptFile)) throw error;
    file.damage.push(error.message);
    return { icc: null, exif: null };
  }
}
