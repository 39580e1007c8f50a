/** The one order of groups and passes: from symbols to latents (SPEC, section 6.3). */

import * as ort from "onnxruntime-web/wasm";
import { CorruptFile } from "./bytes";
import { MAX_SYMBOL, MEANS, STREAM, exp2, expectedLog2Scale, rowOf, times } from "./fixed_point";
import { type Floats, type Model, tensor } from "./model";
import type { Passes } from "./passes";

const UNITS = 64; // of a value with 6 fractional bits

export interface Shape {
  rows: number;
  columns: number;
}

/** Latents y (rows, columns, channels) with 6 fractional bits, of one tile. Raises CorruptFile. */
export async function walk(model: Model, passes: Passes, shape: Shape, stepIndex: number): Promise<Int32Array> {
  const { groups, quartered, log2Norm, log2Std, width } = model.numbers;
  const { rows, columns } = shape;
  const positions = rows * columns;
  const log2Step = model.log2Steps(stepIndex);
  const features = await hyperFeatures(model, passes, shape, stepIndex);
  const y = new Int32Array(positions * model.channels);
  const context = new Float32Array(positions * model.channels); // of decoded groups; values, not units
  const { even, odd, quarters } = checkerboard(rows, columns);
  let number = 0;
  let start = 0;
  for (const [group, size] of groups.entries()) {
    const turns = group < quartered ? [...quarters, odd] : [even, odd];
    const seen = new Float32Array(positions * size);
    let stream: Float32Array | undefined;
    for (const [turn, where] of turns.entries()) {
      const asked = where.length ? where : [0]; // in tiles of one latent most passes have no positions
      const feeds: Record<string, ort.Tensor> = {
        rows: new ort.Tensor("int64", BigInt64Array.from(asked, BigInt), [asked.length]),
        shape: new ort.Tensor("int64", BigInt64Array.from([1, rows, columns, width], BigInt), [4]),
      };
      if (turn > 0) {
        feeds.stream = tensor({ data: stream as Float32Array, shape: [positions, width] });
        feeds.seen = tensor({ data: seen, shape: [1, rows, columns, size] });
      } else {
        feeds.features = tensor(features);
        if (start > 0) {
          const earlier = firstChannels(context, model.channels, start);
          feeds.context = tensor({ data: earlier, shape: [1, rows, columns, start] });
        }
      }
      const found = await model.run(`pass_${number}`, feeds);
      stream = found.stream_out;
      const prediction = found.prediction; // (positions of the pass, 2 size): means, then scales
      const tableRows = new Uint8Array(where.length * size);
      const means = new Int32Array(where.length * size);
      for (let c = 0; c < size; c++) {
        const channel = start + c;
        const toSteps = exp2(log2Norm[channel] - log2Step[channel]);
        const expected = expectedLog2Scale(log2Std[channel] - log2Step[channel]);
        for (let i = 0; i < where.length; i++) {
          means[i * size + c] = times(prediction[i * 2 * size + c] * UNITS, toSteps, MEANS);
          tableRows[i * size + c] = rowOf(prediction[(i * 2 + 1) * size + c] * UNITS + expected);
        }
      }
      const symbols = passes.decode(tableRows);
      for (let c = 0; c < size; c++) {
        const channel = start + c;
        const toContext = exp2(log2Step[channel] - log2Norm[channel] - 512);
        for (let i = 0; i < where.length; i++) {
          const latent = UNITS * symbols[i * size + c] + means[i * size + c];
          y[where[i] * model.channels + channel] = latent;
          const value = times(latent, toContext, STREAM) / UNITS;
          seen[where[i] * size + c] = value;
          context[where[i] * model.channels + channel] = value;
        }
      }
      number++;
    }
    start += size;
  }
  return y;
}

/** What hyper-latents tell of each position: (1, rows, columns, width), integers in float32. */
async function hyperFeatures(model: Model, passes: Passes, shape: Shape, stepIndex: number): Promise<Floats> {
  const { up, hyperChannels, hyperWidth } = model.numbers;
  const height = Math.ceil(shape.rows / up[0] ** 2);
  const width = Math.ceil(shape.columns / up[1] ** 2);
  const rowsOfChannels = model.zLog2Scales(stepIndex).map(rowOf);
  const symbols = passes.decode(
    Uint8Array.from({ length: height * width * hyperChannels }, (_, i) => rowsOfChannels[i % hyperChannels]),
  );
  const z = new Float32Array(symbols.length); // channels first
  for (let i = 0; i < symbols.length; i++) {
    if (Math.abs(symbols[i]) > MAX_SYMBOL) throw new CorruptFile("a hyper-latent is out of range");
    z[(i % hyperChannels) * height * width + Math.floor(i / hyperChannels)] = symbols[i];
  }
  const quality = Float32Array.of(model.told(stepIndex) / 512);
  const { features } = await model.run("hyper_synthesis", {
    z: tensor({ data: z, shape: [1, hyperChannels, height, width] }),
    quality: tensor({ data: quality, shape: [1, 1] }),
  });
  const data = new Float32Array(shape.rows * shape.columns * hyperWidth);
  const line = width * up[1] ** 2 * hyperWidth;
  for (let row = 0; row < shape.rows; row++) {
    const begin = row * line;
    data.set(features.subarray(begin, begin + shape.columns * hyperWidth), row * shape.columns * hyperWidth);
  }
  return { data, shape: [1, shape.rows, shape.columns, hyperWidth] };
}

/** Positions of the halves of a grid, and of the two quarters that make its first half, in raster order. */
function checkerboard(rows: number, columns: number) {
  const even: number[] = [];
  const odd: number[] = [];
  const quarters: [number[], number[]] = [[], []];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      if ((row + column) % 2) odd.push(at);
      else {
        even.push(at);
        quarters[row % 2].push(at);
      }
    }
  }
  return { even, odd, quarters };
}

function firstChannels(of: Float32Array, channels: number, count: number): Float32Array {
  const found = new Float32Array((of.length / channels) * count);
  for (let at = 0, to = 0; at < of.length; at += channels, to += count) found.set(of.subarray(at, at + count), to);
  return found;
}
