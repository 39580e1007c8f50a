/** The image model as `export_model.py` writes it: numbers, and networks on ONNX Runtime. */

import * as ort from "onnxruntime-web/wasm";
import { CorruptFile } from "./bytes";
import { OUTPUT, divided } from "./fixed_point";
import { Tables } from "./passes";

const STEP_UNITS = 256; // of a step index, an octave
const MAX_TOLD = 1023;

interface Numbers {
  model: number;
  digest: string;
  middle: number;
  groups: number[];
  quartered: number;
  up: [number, number];
  hyperChannels: number;
  hyperWidth: number;
  width: number;
  synthesisHalo: number;
  log2Offset: number[];
  log2Std: number[];
  log2Norm: number[];
  zWeight: number[];
  zExponent: number[];
  zBias: number[];
  reach: number[];
  counts: number[];
}

/** An array and its shape. */
export interface Floats {
  data: Float32Array;
  shape: number[];
}

type Feeds = Record<string, ort.Tensor>;

export function tensor({ data, shape }: Floats): ort.Tensor {
  return new ort.Tensor("float32", data, shape);
}

export class Model {
  readonly tables: Tables;
  readonly channels: number;

  private constructor(
    readonly numbers: Numbers,
    private readonly sessions: Map<string, ort.InferenceSession>,
  ) {
    this.tables = new Tables(numbers.reach, numbers.counts);
    this.channels = numbers.log2Norm.length;
  }

  /** The model below an address, with ONNX Runtime's WebAssembly beside the page. */
  static async load(folder: string, runtime: string): Promise<Model> {
    ort.env.wasm.wasmPaths = { wasm: runtime };
    ort.env.wasm.numThreads = 1; // more want headers that a plain server does not send
    const numbers = (await (await fetched(`${folder}/model.json`)).json()) as Numbers;
    const passes = 2 * numbers.groups.length + numbers.quartered;
    const names = ["hyper_synthesis", "synthesis", ...Array.from({ length: passes }, (_, n) => `pass_${n}`)];
    const files = names.map(async (name) => (await fetched(`${folder}/${name}.onnx`)).arrayBuffer());
    const sessions = new Map<string, ort.InferenceSession>();
    for (const [i, name] of names.entries()) {
      // integers in float32 are exact on the CPU's plain kernels only: no other provider, no reduced precision
      const options = { executionProviders: ["wasm"], enableCpuMemArena: false };
      sessions.set(name, await ort.InferenceSession.create(await files[i], options));
    }
    return new Model(numbers, sessions);
  }

  /** The outputs of a network, by name. */
  async run(name: string, feeds: Feeds): Promise<Record<string, Float32Array>> {
    const session = this.sessions.get(name);
    if (!session) throw new Error(`no network ${name}`);
    const outputs = await session.run(feeds);
    return Object.fromEntries(Object.entries(outputs).map(([key, found]) => [key, found.data as Float32Array]));
  }

  /** Raises CorruptFile where a file wants another model, other weights, or a step beyond what it was made for. */
  check(model: number, digest: string, stepIndex: number): void {
    if (model !== this.numbers.model) throw new CorruptFile(`model ${model} is not known here`);
    if (digest !== this.numbers.digest) {
      throw new CorruptFile(`the file needs weights ${digest}, here are ${this.numbers.digest}`);
    }
    if (Math.abs(this.told(stepIndex)) > MAX_TOLD) throw new CorruptFile(`a step index of ${stepIndex}`);
  }

  /** The quality, as the entropy nets have it: 9 fractional bits. */
  told(stepIndex: number): number {
    return this.numbers.middle - stepIndex;
  }

  /** The logarithm of each channel's step, 8 fractional bits. */
  log2Steps(stepIndex: number): Int32Array {
    const place = this.told(stepIndex) + 1024;
    const i = Math.min(Math.max(place >> 10, 0), 1);
    const weight = place - (i << 10);
    const offset = this.numbers.log2Offset;
    return Int32Array.from({ length: this.channels }, (_, c) => {
      const [from, to] = [offset[i * this.channels + c], offset[(i + 1) * this.channels + c]];
      return stepIndex + ((from * (1024 - weight) + to * weight) >> 10);
    });
  }

  /** The logarithm of the scale of each channel of hyper-latents, 6 fractional bits. */
  zLog2Scales(stepIndex: number): number[] {
    const { zWeight, zExponent, zBias } = this.numbers;
    return zWeight.map((weight, c) => {
      const sum = divided(weight * this.told(stepIndex) + zBias[c], zExponent[c] + 9 - 6);
      return Math.min(Math.max(sum, OUTPUT.low), OUTPUT.high);
    });
  }

  /** What transforms are conditioned on. */
  conditions(stepIndex: number): Feeds {
    const step = Float32Array.of(2 ** (stepIndex / STEP_UNITS - 2));
    const quality = Float32Array.of(this.told(stepIndex) / (2 * STEP_UNITS));
    const shape = [1, 1, 1, 1];
    return { step: tensor({ data: step, shape }), quality: tensor({ data: quality, shape }) };
  }
}

async function fetched(address: string): Promise<Response> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status} ${response.statusText}`);
  return response;
}
