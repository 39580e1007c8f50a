/** The sections of an image file, whole, cut or damaged (SPEC, sections 1 to 3 and 5). */

import { CorruptFile, Reader, crc32c, hex, joined, uint32At } from "./bytes";

const MAGIC_AND_VERSION = "894c434303";
const HEADER = 1;
const LATENTS = 2;
const INDEX = 3;
const ALPHA = 4;
const FIRST_SKIPPABLE = 128;
export const ICC = 128;
export const EXIF = 129;
const LAYERS = 3;
const OTHER_MEDIA: Record<number, string> = { 1: "audio", 2: "an original, kept byte for byte" };
const MAX_PAYLOAD = 2 ** 31;
const MAX_SIDE = 2 ** 24;
const MAX_TILE = 2 ** 21;
const MAX_PIXELS = 2 ** 26; // of this decoder: a browser's memory is small
const TILE_UNIT = 64;
export const STRIDE = 16; // pixels a latent
export const TILE_LATENTS = 0;
export const TILE_LOSSLESS = 2;
const TILE_JPEG_XL = 3;

export interface Rect {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface ImageHeader {
  payload: Uint8Array;
  model: number;
  digest: string;
  stepIndex: number;
  channels: 1 | 3;
  bitDepth: 8 | 16;
  hasAlpha: boolean;
  width: number;
  height: number;
  isTiled: boolean;
  tiles: Rect[];
}

/** A tile's kind and stream, or what there is of them. */
export interface Tile {
  rect: Rect;
  kind: number;
  stream: Uint8Array;
  isWhole: boolean;
}

export interface ImageFile {
  header: ImageHeader;
  tiles: Tile[];
  alpha: Uint8Array | null;
  /** Payloads of the sections that a reader may skip, by id. */
  metadata: Map<number, Uint8Array>;
  /** What is missing or wrong, in words. */
  damage: string[];
}

interface Section {
  id: number;
  payload: Uint8Array;
  start: number;
  end: number;
  isWhole: boolean;
  isCut: boolean;
}

function sectionAt(data: Uint8Array, at: number): Section {
  const reader = new Reader(data, at);
  const id = reader.byte();
  const length = reader.varint();
  if (length > MAX_PAYLOAD) throw new CorruptFile(`a section of ${length} bytes at byte ${at}`);
  const payload = reader.take(length);
  const end = reader.at + 4;
  const isCut = end > data.length;
  const isWhole = !isCut && crc32c(data.subarray(at, end - 4)) === uint32At(data, end - 4);
  return { id, payload, start: at, end, isWhole, isCut };
}

/** Bytes of a whole section with a payload of this length. */
function sectionSize(length: number): number {
  let digits = 1;
  for (let rest = length; rest >= 128; rest = Math.floor(rest / 128)) digits++;
  return 1 + digits + length + 4;
}

function readHeader(section: Section): ImageHeader {
  const { payload } = section;
  const reader = new Reader(payload);
  if (section.id !== HEADER || !section.isWhole) throw new CorruptFile("the file does not begin with a whole header");
  const media = reader.byte();
  if (media !== 0) throw new CorruptFile(`this is ${OTHER_MEDIA[media] ?? "of another kind"}; here are images only`);
  const model = reader.byte();
  const digest = hex(reader.take(8));
  const stepIndex = reader.uint16();
  const flags = reader.byte();
  if (flags > 7) throw new CorruptFile(`flags ${flags} are not known`);
  const width = reader.varint();
  const height = reader.varint();
  if (width < 1 || height < 1 || Math.max(width, height) > MAX_SIDE || width * height > MAX_PIXELS) {
    throw new CorruptFile(`an image of ${width} x ${height} pixels is beyond the limits`);
  }
  let [tileWidth, tileHeight] = [width, height];
  const unitsWide = reader.varint();
  if (unitsWide > 0) {
    const unitsHigh = reader.varint();
    tileWidth = Math.min(TILE_UNIT * unitsWide, width);
    tileHeight = Math.min(TILE_UNIT * unitsHigh, height);
    if (unitsHigh === 0 || (tileWidth === width && tileHeight === height)) {
      throw new CorruptFile("tiles without height, or a single one");
    }
  }
  if (reader.at !== payload.length) throw new CorruptFile("bytes are left over in the header");
  if (tileWidth * tileHeight > MAX_TILE) throw new CorruptFile(`tiles of ${tileWidth} x ${tileHeight} pixels`);
  const tiles: Rect[] = [];
  for (let top = 0; top < height; top += tileHeight) {
    for (let left = 0; left < width; left += tileWidth) {
      tiles.push({
        left,
        top,
        width: Math.min(tileWidth, width - left),
        height: Math.min(tileHeight, height - top),
      });
    }
  }
  return {
    payload,
    model,
    digest,
    stepIndex,
    channels: flags & 1 ? 3 : 1,
    bitDepth: flags & 2 ? 16 : 8,
    hasAlpha: (flags & 4) !== 0,
    width,
    height,
    isTiled: unitsWide > 0,
    tiles,
  };
}

type Place = { start: number; end: number };

/** Where the latents sections of a tiled image are. */
function placesOf(index: Section, count: number): Place[] {
  const reader = new Reader(index.payload);
  let end = index.end + reader.varint();
  const places: Place[] = [];
  for (let number = 0; number < count; number++) {
    const start = end;
    end += sectionSize(reader.varint());
    places.push({ start, end });
  }
  if (reader.at !== index.payload.length) throw new CorruptFile("bytes are left over in the index");
  return places;
}

/** Where the latents sections should be, whatever of the file is there. */
function expectedPlaces(data: Uint8Array, header: ImageHeader, at: number): Place[] {
  if (header.isTiled) {
    const index = sectionAt(data, at);
    if (index.id !== INDEX || !index.isWhole) throw new CorruptFile("the index is damaged");
    return placesOf(index, header.tiles.length * LAYERS);
  }
  try {
    let section = sectionAt(data, at);
    while (section.id !== LATENTS) section = sectionAt(data, section.end);
    return [section];
  } catch {
    return [];
  }
}

function tileOf(rect: Rect, data: Uint8Array, isWhole: boolean): Tile {
  const kind = data.length ? data[0] : TILE_LATENTS;
  if (isWhole && kind > TILE_LOSSLESS) {
    const what = kind === TILE_JPEG_XL ? "pixels kept by JPEG XL" : `a tile of kind ${kind}`;
    throw new CorruptFile(`${what}, which this decoder does not read`);
  }
  if (kind > TILE_LOSSLESS || (isWhole && !data.length)) {
    return { rect, kind: TILE_LATENTS, stream: new Uint8Array(0), isWhole: false };
  }
  return { rect, kind, stream: data.subarray(1), isWhole };
}

/** Payloads of sections by id, but for latents; what is wrong between the header and the end goes to `damage`. */
function readOthers(data: Uint8Array, header: ImageHeader, at: number, damage: string[]): Map<number, Uint8Array> {
  const seen = new Set<number>([HEADER]);
  const found = new Map<number, Uint8Array>();
  let latents = 0;
  try {
    while (at < data.length) {
      const section = sectionAt(data, at);
      const name = `section ${section.id} at byte ${at}`;
      if (section.isCut) throw new CorruptFile(`the file ends in ${name}`);
      if (!section.isWhole) damage.push(`${name} has a wrong checksum`);
      else if (section.id === LATENTS) latents++;
      else if (seen.has(section.id)) damage.push(`a second ${name}`);
      else if (section.id < FIRST_SKIPPABLE && section.id !== INDEX && section.id !== ALPHA) {
        damage.push(`unknown ${name}`);
      } else found.set(section.id, section.payload);
      seen.add(section.id);
      at = section.end;
    }
    const expected = header.tiles.length * (header.isTiled ? LAYERS : 1);
    if (latents !== expected) damage.push(`${latents} whole latents sections, there should be ${expected}`);
  } catch (error) {
    if (!(error instanceof CorruptFile)) throw error;
    damage.push(error.message);
  }
  if (header.hasAlpha && !found.has(ALPHA)) damage.push("alpha is missing");
  return found;
}

/** The parts of an image file. Raises CorruptFile where its header, or the index of a tiled one, is damaged, and where
 * tiles are of kinds that are not read here. */
export function parseImage(data: Uint8Array): ImageFile {
  const begin = MAGIC_AND_VERSION.length / 2;
  if (hex(data.subarray(0, begin)) !== MAGIC_AND_VERSION) throw new CorruptFile("this is no .lcc file of version 3");
  const first = sectionAt(data, begin);
  const header = readHeader(first);
  const damage: string[] = [];
  const metadata = readOthers(data, header, first.end, damage);
  const count = header.tiles.length;
  const layers = header.isTiled ? LAYERS : 1;
  const had: Uint8Array[][] = header.tiles.map(() => []);
  const isBroken = new Array<boolean>(count).fill(false);
  const wholeParts = new Array<number>(count).fill(0);
  expectedPlaces(data, header, first.end).forEach(({ start, end }, number) => {
    const tile = number % count;
    try {
      const section = sectionAt(data, start);
      const isInPlace = section.id === LATENTS && section.end === end;
      if (!isInPlace || !(section.isWhole || section.isCut)) isBroken[tile] = true;
      if (isInPlace && section.isWhole) wholeParts[tile]++;
      if (!isBroken[tile]) had[tile].push(section.payload);
    } catch {
      isBroken[tile] = true;
    }
  });
  const tiles = header.tiles.map((rect, tile) => tileOf(rect, joined(had[tile]), wholeParts[tile] === layers));
  const alpha = header.hasAlpha ? (metadata.get(ALPHA) ?? null) : null;
  return { header, tiles, alpha, metadata, damage };
}
