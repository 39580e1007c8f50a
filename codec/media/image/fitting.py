"""An image made to fit a file format: what that cannot hold is left out, each with a notice, or changes its shape."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from codec.bitstream.extras import ASPECT, CENTIMETRE, COMMENT, CONTAINERS, INCH, JPEG, METRE, PNG, WEBP, Resolution
from codec.media.image import containers, exif, jpeg, profiles, resources, tiff, xmp
from codec.media.image.data import ImageData, joined, to_8_bits, to_pillow, with_samples
from codec.media.notices import notice

# what formats hold besides pixels, by the fields of ImageData and Extras; "comment" of formats that hold no other texts
HELD: dict[str, frozenset[str]] = {
    "PNG": frozenset({"alpha", "icc", "exif", "xmp", "resources", "texts", "comment", "resolution", "chunks"}),
    "WEBP": frozenset({"alpha", "icc", "exif", "xmp"}),
    "TIFF": frozenset({"alpha", "icc", "exif", "xmp", "resources", "comment", "resolution"}),
    "JPEG": frozenset({"icc", "exif", "xmp", "extended_xmp", "resources", "comment", "resolution"}),
    "AVIF": frozenset({"alpha", "icc", "exif", "xmp"}),
    "JXL": frozenset({"alpha", "exif", "xmp"}),
    "BMP": frozenset({"resolution"}),
    "PPM": frozenset(),
}
IN_WORDS = {"alpha": "transparency", "icc": "ICC profile", "exif": "EXIF", "xmp": "XMP"}
TRAILERS = {"JPEG": JPEG, "PNG": PNG, "WEBP": WEBP}

COLOUR_CHUNKS = (b"cICP", b"gAMA", b"cHRM")  # what a profile says too
MAX_COMMENT_BYTES = jpeg.MAX_PAYLOAD


def fitted(image: ImageData, kind: str) -> ImageData:
    """The image without what a format of Pillow's cannot hold, turned upright where that includes the orientation."""
    return _without_rest(_upright(image, kind), kind)


def _upright(image: ImageData, kind: str) -> ImageData:
    turn = exif.orientation_of(image)
    if "exif" in HELD[kind] or turn == exif.UPRIGHT:
        return image
    notice(f"{kind} holds no orientation: the image is turned upright")
    return with_samples(image, exif.turned(joined(image), turn))


@dataclass
class Fitting:
    """An image on its way into a format: what does not fit is taken off, with a notice each."""

    image: ImageData
    kind: str

    def lose(self, what: str) -> None:
        """Says that something does not fit."""
        notice(f"{self.kind} cannot hold everything: {what} left out")

    def without(self, **changed: Any) -> None:
        """Changes fields of the extras."""
        self.image = replace(self.image, extras=replace(self.image.extras, **changed))

    def holds(self, name: str) -> bool:
        """Whether the format has room for a kind of metadata."""
        return name in HELD[self.kind]


def _without_rest(image: ImageData, kind: str) -> ImageData:
    """The image without what a format cannot hold, and colours and XMP in the shape that it can hold them in."""
    fitting = Fitting(image, kind)
    _fit_trailer(fitting)
    _fit_colours(fitting)
    _fit_extended_xmp(fitting)
    for name, words in IN_WORDS.items():
        content = getattr(fitting.image, name)
        if content is not None and len(content) and not _holds(kind, name, content):
            fitting.lose(words)
            fitting.image = replace(fitting.image, **_nothing(name))
    _fit_texts(fitting)
    extras = fitting.image.extras
    if extras.resources and not fitting.holds("resources"):
        fitting.lose("IPTC" if resources.iptc_of(extras.resources) else "Photoshop resources")
        fitting.without(resources=b"")
    if extras.resolution and not (
        fitting.holds("resolution") and (extras.resolution.unit != ASPECT or kind in ("PNG", "JPEG"))
    ):
        fitting.lose("resolution")
        fitting.without(resolution=None)
    if kind in ("TIFF", "AVIF"):
        _name_losses_of_tags(fitting)
    return _with_resolution_of_exif(fitting.image) if fitting.holds("resolution") else fitting.image


def _nothing(name: str) -> dict[str, Any]:
    return {name: None if name == "alpha" else b""}


def _holds(kind: str, name: str, content: Any) -> bool:
    if kind == "JPEG" and name in ("exif", "xmp"):
        return jpeg.fits(content, jpeg.EXIF if name == "exif" else jpeg.XMP)
    return name in HELD[kind] and not (kind == "JPEG" and name == "icc" and len(content) > jpeg.MAX_PROFILE)


def _fit_trailer(fitting: Fitting) -> None:
    """Gain maps and videos go back into files of the format that they come from."""
    image, trailer = fitting.image, fitting.image.extras.trailer
    if not trailer or TRAILERS.get(fitting.kind) == trailer.container:
        return
    words = containers.trailer_in_words(trailer, image.xmp)
    notice(f"{words} belongs into a {CONTAINERS[trailer.container]}: left out")
    fitting.image = without_trailer(image)


def without_trailer(image: ImageData) -> ImageData:
    """The image without what stood behind it in its file, and without XMP that announces it."""
    extras = replace(image.extras, trailer=None, extended_xmp=xmp.harmless(image.extras.extended_xmp))
    return replace(image, xmp=xmp.harmless(image.xmp), extras=extras)


def _fit_colours(fitting: Fitting) -> None:
    """Colours that chunks tell become a profile; where there is no room for that either they are left out."""
    image, extras = fitting.image, fitting.image.extras
    if fitting.holds("chunks"):
        return
    profile = profiles.effective(image.icc, extras, image.pixels.shape[2])
    if profile and fitting.kind == "JXL":
        fitting.image = image = _in_srgb(image, profile)
        profile = b""
    elif profile != image.icc or not fitting.holds("icc"):
        for chunk in extras.chunks:
            if chunk.name in COLOUR_CHUNKS and not fitting.holds("icc"):
                fitting.lose(f"{chunk.name.decode()}, which says what the colours mean,")
    elif not profiles.is_standard(extras) and not (image.icc and not extras.chunk(b"cICP")):
        fitting.lose("cICP, gAMA or cHRM, of which no profile can be made,")
    for chunk in extras.chunks:
        if chunk.name not in COLOUR_CHUNKS:
            fitting.lose(f"PNG chunk {chunk.name.decode()}")
    fitting.image = replace(image, icc=profile if fitting.holds("icc") else image.icc)
    fitting.without(chunks=())


def _in_srgb(image: ImageData, profile: bytes) -> ImageData:
    """The image in sRGB instead of the colours of a profile, for a format that cannot name them."""
    from PIL import ImageCms  # rarely needed, and takes its time

    if (ImageCms.getOpenProfile(io.BytesIO(profile)).profile.profile_description or "").startswith("sRGB"):
        return replace(image, icc=b"")
    if image.bit_depth == 16:
        notice("JXL cannot hold 16 bits of such an image: rounded to 8")
        image = to_8_bits(image)
    mode = "L" if image.is_grey else "RGB"
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), mode, "RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        notice("the ICC profile is damaged: it is left out")
        return replace(image, icc=b"")
    notice("JXL is written without profiles: the colours are converted to sRGB through that of the image")
    colour = transform.apply(to_pillow(ImageData(image.pixels)))
    converted = colour.convert("L") if image.is_grey else colour
    return replace(image, pixels=_samples(converted), icc=b"")


def _samples(image: Image.Image) -> Any:
    samples = np.array(image)
    return samples.reshape(*samples.shape[:2], -1)


def _fit_extended_xmp(fitting: Fitting) -> None:
    """Two parts of XMP become one where there is room for it."""
    image, extended = fitting.image, fitting.image.extras.extended_xmp
    if not extended or fitting.holds("extended_xmp"):
        return
    whole = xmp.merged(image.xmp, extended) if fitting.holds("xmp") else None
    if whole is None:
        fitting.lose("extended XMP")
    fitting.image = replace(image, xmp=whole or image.xmp)
    fitting.without(extended_xmp=b"")


def _fit_texts(fitting: Fitting) -> None:
    kept = []
    for text in fitting.image.extras.texts:
        is_comment = text.keyword == COMMENT and fitting.holds("comment")
        if is_comment and fitting.kind == "TIFF":
            is_comment = text.text.isascii() and exif.Base.ImageDescription not in tags_of(fitting.image.exif)
        if is_comment and fitting.kind == "JPEG":
            is_comment = len(text.text.encode(errors="replace")) <= MAX_COMMENT_BYTES
        if is_comment or fitting.holds("texts"):
            kept.append(text)
        else:
            words = " ".join(text.keyword.split())
            fitting.lose("a comment" if text.keyword == COMMENT else f"text '{words}'")
    fitting.without(texts=tuple(kept))


def tags_of(content: bytes) -> Image.Exif:
    """The tags in EXIF, none where it is damaged."""
    try:
        return exif.parsed(content)
    except Exception:  # whatever Pillow raises for damaged EXIF
        return Image.Exif()


def _with_resolution_of_exif(image: ImageData) -> ImageData:
    """The image with the resolution that only its EXIF has, for formats that say it at another place too."""
    if image.extras.resolution or not image.exif:
        return image
    tags = tags_of(image.exif)
    unit = {2: INCH, 3: CENTIMETRE}.get(tags.get(exif.Base.ResolutionUnit, INCH + 1))
    try:
        x, y = (float(tags.get(tag, 0)) for tag in (exif.Base.XResolution, exif.Base.YResolution))
        if unit is None or not 0 < x < 1e6 or not 0 < y < 1e6:
            return image
    except (TypeError, ValueError, ZeroDivisionError):
        return image
    if not (x.is_integer() and y.is_integer()):
        (x, y), unit = Resolution(x, y, unit).per(METRE), METRE  # type: ignore[arg-type]
    return replace(image, extras=replace(image.extras, resolution=Resolution(round(x), round(y), unit)))


def _name_losses_of_tags(fitting: Fitting) -> None:
    """What of EXIF is lost where it is written tag by tag: in TIFF, and in AVIF, whose orientation is not in EXIF."""
    tags = tags_of(fitting.image.exif)
    if fitting.kind == "AVIF" and exif.Base.Orientation not in tags:
        return
    for words in exif.lost_with(fitting.image.exif):
        fitting.lose(words)
    try:
        if tags.get_ifd(exif.Ifd.IFD1):
            fitting.lose("the thumbnail in EXIF")
    except Exception:  # damaged: told when tags are written
        return
    if fitting.kind == "TIFF":
        for tag in sorted(set(tags) - exif.DESCRIBING - {exif.Ifd.Exif, exif.Ifd.GPSInfo} - tiff.LAYOUT):
            fitting.lose(f"EXIF tag {tag}")
