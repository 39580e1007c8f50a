/** What a file's bytes are read with (SPEC, sections 1 and 2). */

/** A file breaks a rule of the format, or is beyond what this decoder does; the message says what and where. */
export class CorruptFile extends Error {}

/** Reads varints and little-endian integers from a place on. */
export class Reader {
  constructor(
    readonly data: Uint8Array,
    public at = 0,
  ) {}

  byte(): number {
    if (this.at >= this.data.length) throw new CorruptFile(`the data end at byte ${this.at}`);
    return this.data[this.at++];
  }

  uint16(): number {
    return this.byte() | (this.byte() << 8);
  }

  /** LEB128 of at most 32 bits, in its shortest form. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) {
        if (value >= 2 ** 32 || (shift > 0 && byte === 0)) break;
        return value;
      }
    }
    throw new CorruptFile(`a varint of more than 32 bits or not in its shortest form before byte ${this.at}`);
  }

  /** So many bytes, or fewer where the data end. */
  take(count: number): Uint8Array {
    const found = this.data.subarray(this.at, this.at + count);
    this.at += count;
    return found;
  }
}

export function hex(data: Uint8Array): string {
  return [...data].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function uint32At(data: Uint8Array, at: number): number {
  return (data[at] | (data[at + 1] << 8) | (data[at + 2] << 16) | (data[at + 3] << 24)) >>> 0;
}

/** The remainders of all bytes by a polynomial whose bits are reversed. */
function crcTable(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? polynomial : 0);
    return value;
  });
}

function crc(table: Uint32Array, parts: Uint8Array[]): number {
  let rest = 0xffffffff;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) rest = table[(rest ^ part[i]) & 255] ^ (rest >>> 8);
  }
  return (rest ^ 0xffffffff) >>> 0;
}

const CASTAGNOLI = crcTable(0x82f63b78);
const OF_PNG = crcTable(0xedb88320);

/** CRC-32C of all parts, one behind the other. */
export function crc32c(...parts: Uint8Array[]): number {
  return crc(CASTAGNOLI, parts);
}

/** CRC-32 as PNG has it. */
export function crc32(data: Uint8Array): number {
  return crc(OF_PNG, [data]);
}

export function joined(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The bytes of integers as they stand in memory: little-endian, as browsers run on no other machines. */
export function bytesOf(values: Int32Array | Uint32Array | Uint16Array | Uint8Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
