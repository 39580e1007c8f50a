/**
 * The range decoder (SPEC, section 5). Its 64-bit numbers are pairs of 32 bits, high and low, in doubles; products of
 * 40 and 24 bits are taken apart so that no double holds more than 53.
 */

import { uint32At } from "./bytes";

export const TOTAL = 2 ** 24;
const WORD = 2 ** 32;

/** Cumulative frequencies, 0 first and TOTAL last. */
export type Cumulative = Uint32Array;

export class RangeDecoder {
  private readonly words: Uint32Array;
  private next = 2;
  private rangeHigh = WORD - 1;
  private rangeLow = WORD - 1;
  // point - lower: nothing else is made of the two
  private offsetHigh: number;
  private offsetLow: number;
  // of the last product
  private high = 0;
  private low = 0;

  /** `filler` is the byte that goes on for ever behind the coded ones. */
  constructor(
    coded: Uint8Array,
    private readonly filler = 0,
  ) {
    const padded = new Uint8Array(Math.ceil(coded.length / 4) * 4).fill(filler);
    padded.set(coded);
    this.words = Uint32Array.from({ length: padded.length / 4 }, (_, i) => uint32At(padded, 4 * i));
    this.offsetHigh = this.word(0);
    this.offsetLow = this.word(1);
  }

  /** The next symbol under a model; -1 where the stream spells an impossible one. */
  decode(model: Cumulative): number {
    const scale = this.rangeHigh * 256 + (this.rangeLow >>> 24);
    if (this.isBelowOffset(scale, TOTAL)) return -1;
    const about = Math.floor((this.offsetHigh * WORD + this.offsetLow) / scale);
    let symbol = lastNotAbove(model, about);
    // a quotient of doubles may be off by one: the exact products decide
    while (symbol + 1 < model.length - 1 && this.isBelowOffset(scale, model[symbol + 1])) symbol++;
    while (!this.isBelowOffset(scale, model[symbol])) symbol--;
    this.multiply(scale, model[symbol]);
    this.offsetLow -= this.low;
    this.offsetHigh -= this.high;
    if (this.offsetLow < 0) {
      this.offsetLow += WORD;
      this.offsetHigh--;
    }
    this.multiply(scale, model[symbol + 1] - model[symbol]);
    this.rangeHigh = this.high;
    this.rangeLow = this.low;
    if (this.rangeHigh === 0) {
      this.rangeHigh = this.rangeLow;
      this.rangeLow = 0;
      this.offsetHigh = this.offsetLow;
      this.offsetLow = this.word(this.next++);
    }
    return symbol;
  }

  /** Whether the stream may end here. */
  get isAtEnd(): boolean {
    if (this.next < this.words.length) return false;
    if (this.rangeHigh === WORD - 1 && this.rangeLow === WORD - 1) return true;
    return this.offsetHigh === 0 || (this.offsetHigh === 1 && this.offsetLow < WORD - 1);
  }

  private word(at: number): number {
    return at < this.words.length ? this.words[at] : this.filler * 0x01010101;
  }

  /** Whether scale * c <= point - lower. */
  private isBelowOffset(scale: number, c: number): boolean {
    this.multiply(scale, c);
    return this.high < this.offsetHigh || (this.high === this.offsetHigh && this.low <= this.offsetLow);
  }

  /** scale * c into `high` and `low`; less than 2^64. */
  private multiply(scale: number, c: number): void {
    const part = scale % 2 ** 20;
    const below = part * c;
    const above = ((scale - part) / 2 ** 20) * c;
    const rest = above % 2 ** 12;
    const sum = (below % WORD) + rest * 2 ** 20;
    this.low = sum % WORD;
    this.high = (above - rest) / 2 ** 12 + Math.floor(below / WORD) + (sum >= WORD ? 1 : 0);
  }
}

/** The largest symbol whose cumulative frequency is at most q. */
function lastNotAbove(model: Cumulative, q: number): number {
  let low = 0;
  let high = model.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (model[middle] <= q) low = middle;
    else high = middle;
  }
  return low;
}
