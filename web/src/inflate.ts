/** zlib streams through the browser's own inflate. */

import { CorruptFile, joined } from "./bytes";

/** What a stream inflates to. Raises CorruptFile where it is damaged or of more than `limit` bytes. */
export async function inflated(parts: Uint8Array[], limit: number): Promise<Uint8Array> {
  const blob = new Blob(parts.map((part) => part.slice()));
  const reader = blob.stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  const found: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new CorruptFile("a section does not inflate");
    });
    if (done) return joined(found);
    found.push(value);
    total += value.length;
    if (total > limit) {
      await reader.cancel();
      throw new CorruptFile(`a section inflates to more than ${limit} bytes`);
    }
  }
}
