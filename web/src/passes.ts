/** The passes of a stream: symbols under rows of the tables, and escapes behind them (SPEC, section 5). */

import { CorruptFile } from "./bytes";
import { type Cumulative, RangeDecoder, TOTAL } from "./range_decoder";

const ROWS = 64;
const ESCAPE_BITS = 16;

/** Uniform over 2^bits symbols. */
const UNIFORM: Cumulative[] = Array.from({ length: ESCAPE_BITS + 1 }, (_, bits) =>
  Uint32Array.from({ length: 2 ** bits + 1 }, (_, symbol) => symbol * (TOTAL / 2 ** bits)),
);

/** The tables of a weights file. */
export class Tables {
  readonly cumulative: Cumulative[] = [];
  readonly reach: number[];

  constructor(reach: number[], counts: number[]) {
    this.reach = reach;
    let begin = 0;
    reach.forEach((of, row) => {
      const n = row === 0 ? 1 : 2 * of + 2;
      const cumulative = new Uint32Array(n + 1);
      let running = 0;
      for (let s = 1; s <= n; s++) {
        running += row === 0 ? 2 ** 16 : counts[begin++];
        cumulative[s] = Math.floor((running * (TOTAL - n)) / 2 ** 16) + s;
      }
      this.cumulative.push(cumulative);
    });
  }
}

/** The passes of one stream: of a whole one, or of the beginning of one, as far as its symbols are known. */
export class Passes {
  private readonly lowest: RangeDecoder;
  private readonly highest: RangeDecoder | null;
  private isOver = false;

  /** leastRow: 1 where nothing is certain, else 0. */
  constructor(
    private readonly tables: Tables,
    coded: Uint8Array,
    private readonly isWhole: boolean,
    private readonly leastRow: number,
  ) {
    this.lowest = new RangeDecoder(coded);
    // symbols rise with the number that a stream spells: what the lowest and the highest agree on is known
    this.highest = isWhole ? null : new RangeDecoder(coded, 0xff);
  }

  /** The symbols of one pass, under these table rows. */
  decode(rows: Uint8Array): Int32Array {
    const symbols = new Int32Array(rows.length);
    const escaped: number[] = [];
    for (const at of this.order(rows)) {
      const row = Math.max(rows[at], this.leastRow);
      const found = this.next(this.tables.cumulative[row]);
      if (this.isOver) break;
      const reach = this.tables.reach[row];
      if (found > 2 * reach) escaped.push(at);
      else symbols[at] = found - reach;
    }
    const sizes: number[] = [];
    for (let i = 0; i < escaped.length && !this.isOver; i++) sizes.push(this.next(UNIFORM[4]) + 1);
    const tails: number[] = [];
    for (let i = 0; i < escaped.length && !this.isOver; i++) tails.push(this.next(UNIFORM[sizes[i]]));
    if (!this.isOver) {
      escaped.forEach((at, i) => {
        const reach = this.tables.reach[Math.max(rows[at], this.leastRow)];
        const magnitude = reach + 2 ** (sizes[i] - 1) + (tails[i] >> 1);
        symbols[at] = tails[i] & 1 ? -magnitude : magnitude;
      });
    }
    return symbols;
  }

  /** Raises CorruptFile unless the stream ends here. */
  finish(): void {
    if (!this.lowest.isAtEnd) throw new CorruptFile("the coded stream goes on behind its last symbol");
  }

  /** Positions by falling row, those under row 0 left out. */
  private order(rows: Uint8Array): Uint32Array {
    const begins = new Uint32Array(ROWS + 1);
    for (let i = 0; i < rows.length; i++) begins[Math.max(rows[i], this.leastRow)]++;
    let total = 0;
    for (let row = ROWS - 1; row >= 0; row--) {
      const count = begins[row];
      begins[row] = total;
      total += row > 0 ? count : 0;
    }
    const order = new Uint32Array(total);
    for (let i = 0; i < rows.length; i++) {
      const row = Math.max(rows[i], this.leastRow);
      if (row > 0) order[begins[row]++] = i;
    }
    return order;
  }

  /** The next symbol; where it is not known all is over. */
  private next(model: Cumulative): number {
    if (this.isOver) return 0;
    const found = this.lowest.decode(model);
    if (found < 0 && this.isWhole) throw new CorruptFile("the coded stream is corrupt");
    if (found < 0 || (this.highest && this.highest.decode(model) !== found)) this.isOver = true;
    return found;
  }
}
