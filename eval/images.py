"""Images as an evaluation has them: 8 bits a sample, without alpha and metadata."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codec.bitstream.errors import CodecError, MediaError
from codec.eval import image_measures, published, scenes
from codec.eval.cache import Cache
from codec.eval.comparison import Comparison
from codec.eval.material import Material, Source, check_array, content_hash, printable_name
from codec.eval.medium import IMAGES, MS_SSIM, PSNR_RGB, PSNR_Y
from codec.eval.results import Coder, Item, Published, Results
from codec.media import IMAGE_SUFFIXES, ImageData, Pixels, image_bytes, read_image, to_8_bits
from codec.quality import DEFAULT_EFFORT, DEFAULT_METRIC, Metric


@dataclass(frozen=True)
class ImageItem(Item):
    """width, height: in pixels."""

    width: int
    height: int

    @property
    def extent(self) -> float:
        """In pixels."""
        return self.width * self.height


class ImageMaterial(Material):
    """Sources are PNGs; pixels are (H, W, 1 or 3) uint8. effort, metric: of our encoder."""

    name = IMAGES.name
    model = "image"

    def __init__(
        self, effort: int = DEFAULT_EFFORT, metric: Metric = DEFAULT_METRIC, scores: Sequence[str] = ()
    ) -> None:
        super().__init__(scores)
        self.effort, self.metric = effort, metric
        self.arguments: tuple[str, ...] = ("--effort", str(effort))
        if metric != DEFAULT_METRIC:
            self.arguments += ("--metric", metric)

    @property
    def trained_on(self) -> tuple[str, ...]:
        if self.metric == "psnr":  # which has weights of its own
            return (PSNR_RGB.key, PSNR_Y.key)
        also = {"msssim": (MS_SSIM.key,)}.get(self.metric, ()) if self.effort > 1 else ()
        return (*super().trained_on, *also)

    def sources(self, folder: Path, work: Path) -> tuple[list[Source], dict[str, str]]:
        sources: list[Source] = []
        failures: dict[str, str] = {}
        for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES):
            try:
                pixels = to_8_bits(read_image(path)).pixels
            except CodecError as error:
                failures[printable_name(path)] = str(error)
                continue
            height, width = pixels.shape[:2]
            target = work / f"{len(sources):05}.png"
            target.write_bytes(image_bytes(ImageData(pixels), target.suffix))
            sources.append(Source(ImageItem(printable_name(path), content_hash(pixels), "", width, height), target))
        return sources, failures

    def samples(self, path: Path) -> Pixels:
        return read_image(path).pixels

    def fitted(self, x: Pixels, x_hat: Pixels) -> Pixels:
        check_array(x_hat, ("uint8",), 3, "(H, W, 1 or 3)")
        if x.shape[:2] != x_hat.shape[:2]:
            raise MediaError(f"{x.shape} became {x_hat.shape}: the decoder changed the size")
        return x_hat

    def versions(self) -> dict[str, str]:
        return image_measures.versions()

    def in_process(self, setting: float) -> tuple[Callable[[Pixels], bytes], Callable[[bytes], object]]:
        import codec

        return (
            lambda pixels: codec.compress_image(
                pixels, setting, effort=self.effort, metric=self.metric, device="cpu", threads=1
            ),
            lambda data: codec.decompress_image(data, output="array", device="cpu", threads=1),
        )

    def exhibits(
        self,
        results: Results,
        comparison: Comparison,
        sources: Sequence[Source],
        cache: Cache,
        progress: Callable[[int, int], object],
        sheet: bool = False,
        processes: int | None = None,
    ) -> dict[str, Any]:
        found = scenes.scenes(results, comparison, sources, cache, progress, sheet, processes)
        return {"scenes": [asdict(s) for s in found], "sheet": ["", results.ours.name, *_names(scenes.beside(results))]}

    def notes(self, results: Results) -> list[str]:
        low, high = image_measures.SLOW_RATES_BPP
        found = [
            "Rates count whole files. Ours are written and decoded by separate processes of the command line; anchors "
            "run through Pillow. All get 8-bit samples without metadata.",
            f"All metrics but PSNR and GMSD are taken between {low:g} and {high:g} {results.medium.rate_unit} only, "
            f"because they are slow; a mean is shown where every {results.medium.item} has a value. MS-SSIM enters "
            "deltas and plots as -10 log10(1 - MS-SSIM).",
            f"The viewer of the report holds lossless crops of at most {scenes.CROP_WIDTH} x {scenes.CROP_HEIGHT} "
            f"pixels, at the place where {results.subject} is furthest from the original. Anchors have the setting "
            "that comes nearest to the size of that file; sizes are those of whole images.",
        ]
        if results.published:
            found.append(
                "Dotted curves were published by others, as means over the same images, so deltas against them are "
                "taken between mean curves. " + "; ".join(f"{p.name}: {p.source}" for p in results.published) + "."
            )
        return found

    def published(self, sources: Sequence[Source]) -> list[Published]:
        return published.for_contents(source.item.content for source in sources)


def _names(coders: Sequence[Coder]) -> list[str]:
    return [coder.name for coder in coders]
