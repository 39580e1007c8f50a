"""Opus packets decoded with the networks that libopus has for speech since 1.5 (NoLACE), which PyAV's is built without.

Node runs the npm package @wasm-audio-decoders/opus-ml, libopus compiled with them: `npm install` it into the folder
where the evaluation runs, or into the one that CODEC_NODE_FOLDER names.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from functools import cache

import numpy as np

from codec.bitstream.errors import MediaError
from codec.media import Samples

PACKAGE = "@wasm-audio-decoders/opus-ml"
FOLDER = "CODEC_NODE_FOLDER"
VERSION_SCRIPT = f"""
import {{ createRequire }} from 'node:module';
import {{ readFileSync }} from 'node:fs';
import {{ dirname, join }} from 'node:path';
let folder = dirname(createRequire(process.cwd() + '/').resolve('{PACKAGE}'));
while (!folder.endsWith('opus-ml')) folder = dirname(folder);
process.stdout.write(JSON.parse(readFileSync(join(folder, 'package.json'))).version);
"""
# packets come behind their lengths, 4 bytes each; channels go out one after the other
DECODING_SCRIPT = f"""
import {{ OpusMLDecoder }} from '{PACKAGE}';
import {{ readFileSync, writeSync }} from 'node:fs';
const input = readFileSync(0), packets = [];
for (let at = 0; at < input.length; ) {{
  const end = at + 4 + input.readUInt32LE(at);
  packets.push(new Uint8Array(input.subarray(at + 4, end)));
  at = end;
}}
const channels = Number(process.argv.at(-1));
const decoder = new OpusMLDecoder({{ speechQualityEnhancement: 'nolace', channels, streamCount: 1,
  coupledStreamCount: channels - 1, channelMappingTable: [...Array(channels).keys()], preSkip: 0 }});
await decoder.ready;
const {{ channelData, errors }} = decoder.decodeFrames(packets);
if (errors.length) throw new Error(errors[0].message);
for (const side of channelData) {{
  const bytes = new Uint8Array(side.buffer, side.byteOffset, side.byteLength);
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
}}
"""


@cache
def installed_version() -> str | None:
    """Of the package; None where it, or Node, is missing."""
    if shutil.which("node") is None:
        return None
    found = _node(VERSION_SCRIPT)
    return found.stdout.decode() if not found.returncode else None


def decoded(packets: list[bytes], channels: int) -> Samples:
    """(n, channels) of the packets of one stream, nothing dropped. Raises MediaError."""
    given = b"".join(struct.pack("<I", len(packet)) + packet for packet in packets)
    found = _node(DECODING_SCRIPT, str(channels), given=given)
    if found.returncode:
        raise MediaError(f"Node says: {found.stderr.decode(errors='replace').strip()[-200:]}")
    return np.ascontiguousarray(np.frombuffer(found.stdout, "<f4").reshape(channels, -1).T)


def _node(script: str, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = ["node", "--input-type=module", "-e", script, "--", *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=False, cwd=os.environ.get(FOLDER) or None)
