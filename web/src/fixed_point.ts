/** Integers that stand for themselves times a power of two (SPEC, sections 6.1 to 6.3); doubles hold them exactly. */

export const STREAM = { low: -2047, high: 2047 };
export const MEANS = { low: -(2 ** 20), high: 2 ** 20 };
export const OUTPUT = { low: -8191, high: 8191 };
export const MAX_SYMBOL = 127; // of hyper-latents

const EXP2 = Float64Array.from({ length: 256 }, (_, k) => Math.round(2 ** (14 + k / 256)));
const EXPECTED = Int32Array.from({ length: 2048 }, (_, i) =>
  Math.round(64 * Math.log2(0.45 * 2 ** ((i - 1024) / 64) + 0.1)),
);

/** 2^(exponent / 256), as all decoders have it. */
export function exp2(exponent: number): number {
  return EXP2[exponent & 255] * 2 ** ((exponent >> 8) - 14);
}

/** x times a factor of `exp2`, rounded half up and clamped. */
export function times(x: number, factor: number, { low, high }: { low: number; high: number }): number {
  return Math.min(Math.max(Math.floor(x * factor + 0.5), low), high);
}

/** x divided by 2^bits, rounded half up; negative bits multiply. */
export function divided(x: number, bits: number): number {
  return Math.floor(x * 2 ** -bits + (bits > 0 ? 0.5 : 0));
}

/** The logarithm of the scale expected of latents whose spread is 2^(log2Ratio / 256) steps, 6 fractional bits. */
export function expectedLog2Scale(log2Ratio: number): number {
  return EXPECTED[Math.min(Math.max(log2Ratio >> 2, -1024), 1023) + 1024];
}

/** The table row of a logarithm of a scale. */
export function rowOf(log2Scale: number): number {
  return Math.min(Math.max((6 * log2Scale + 1664) >> 6, 0), 63);
}
