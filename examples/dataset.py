"""Reads a folder of .lcc images as batches of tensors, decoded by processes of a DataLoader:
`python examples/dataset.py FOLDER`.
"""

import sys
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

import codec


class LccImages(Dataset[torch.Tensor]):
    """Images of a folder, each cropped at random to (3, side, side) floats in 0..1; only tiles of the crop are decoded.

    Indexing gives the same crop of an image every time that the generator of torch is in the same state.
    """

    def __init__(self, folder: Path, side: int) -> None:
        self.paths, self.side = sorted(folder.glob("*.lcc")), side
        self.sizes = [(told.width, told.height) for told in map(codec.info, self.paths)]  # decodes nothing

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        x, y = (int(torch.randint(size - self.side + 1, ())) for size in self.sizes[index])
        region = (x, y, self.side, self.side)
        # the processes share the cores: one thread for each
        pixels = codec.decompress(self.paths[index], output="tensor", region=region, threads=1)
        return pixels.permute(2, 0, 1).float() / 255


if __name__ == "__main__":
    torch.manual_seed(0)
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    images = LccImages(Path(sys.argv[1]), side=64)
    for batch in DataLoader(images, batch_size=4, num_workers=2):
        print(tuple(batch.shape), f"mean {batch.mean():.3f}")
