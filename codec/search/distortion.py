"""What refinement counts as error: squared error, or structure and colour as eyes compare them.

All compare images (1, H, W, C) in 0..255 and weigh pixels by importance (1, H, W, 1), 0 where there is no image;
they are differentiable and give (1,) values. Only their ratios count: `Measure` brings them to the scale of squared
errors, so that bits are worth what they are worth for PSNR. The weights below are first guesses that served well
(docs/effort.md), not tuned ones.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from codec.quality import Metric
from codec.search import ms_ssim

# of squared error in each, which keeps what the others overlook
SQUARED_SHARE: dict[Metric, float] = {"psnr": 1.0, "msssim": 0.1, "perceptual": 0.25}

LEAST_ERROR = 1e-9  # of a comparison: where images are equal already
LEAST_SIMILARITY = 1e-6
LEAST_FOURTH = 1e-20  # of a mean of fourth powers: keeps the gradient of its root finite

SCALES = 5
SMOOTHING = 1.5  # pixels
RED_GREEN_GAIN = 8.0  # brings that plane to the range of the others
PLANE_WEIGHTS = (1.0, 0.3, 0.2)  # lightness, red against green, blue against yellow
WORST_SHARE = 0.5  # of the fourth norm, where the worst places count, beside the mean
CONTRAST_SOFTENING = 0.0009  # of variances of planes in about 0..1

Compare = Callable[[Tensor, Tensor, Tensor], Tensor]


class Measure:
    """The error of images x_hat for a metric, in units of squared error summed over pixels.

    x: the image; start: what decoders show of it without refinement, where the metric weighs as much as there.
    """

    def __init__(self, metric: Metric, x: Tensor, importance: Tensor, start: Tensor) -> None:
        self.x, self.importance, self.compare = x, importance, COMPARES[metric]
        self.squared_share = SQUARED_SHARE[metric]
        worth = squared(x, start, importance) / self.compare(x, start, importance).clamp_min(LEAST_ERROR)
        self.scale = (1 - self.squared_share) * float(worth)

    def __call__(self, x_hat: Tensor) -> Tensor:
        error = self.squared_share * squared(self.x, x_hat, self.importance)
        if self.squared_share < 1:
            with torch.autocast(x_hat.device.type, enabled=False):
                error = error + self.scale * self.compare(self.x, x_hat.float(), self.importance)
        return error


def squared(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """Squared error, summed."""
    return (importance * (x_hat - x) ** 2).sum((1, 2, 3))


def structural(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """-log of MS-SSIM (`similarity`), of as many scales as there is room for.

    As in the usual definition only whole windows count, so the outermost pixels are left to squared error.
    """
    return -ms_ssim.ms_ssim_of_any_size(*_planes(x, x_hat, importance)).clamp_min(LEAST_SIMILARITY).log()


def perceptual(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """Structural dissimilarity of opponent colours at SCALES scales: its mean, and its fourth norm.

    After the idea of SSIMULACRA 2 (Sneyers 2022), without its weights.
    """
    x, x_hat, weight = _planes(x, x_hat, importance)
    a, b = _opponents(x), _opponents(x_hat)
    planes = torch.tensor(PLANE_WEIGHTS[: a.shape[1]], dtype=torch.float32, device=a.device)
    total = a.new_zeros(len(a))
    for scale in range(SCALES):
        if scale:
            if min(a.shape[2:]) < 2:
                break
            a, b, weight = (F.avg_pool2d(side, 2) for side in (a, b, weight))
        error = _dissimilarity(a, b)
        share = weight / weight.sum((2, 3), keepdim=True).clamp_min(ms_ssim.LEAST_IMPORTANCE)
        mean = (share * error).sum((2, 3))
        worst = ((share * error**4).sum((2, 3)) + LEAST_FOURTH) ** 0.25
        total = total + ((mean + WORST_SHARE * worst) * planes).sum(1)
    return total


COMPARES: dict[Metric, Compare] = {"psnr": squared, "msssim": structural, "perceptual": perceptual}


def _planes(x: Tensor, x_hat: Tensor, importance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """As (1, C, H, W), of one plane where x_hat is grey."""
    a, b, weight = (side.permute(0, 3, 1, 2) for side in (x[..., : x_hat.shape[3]], x_hat, importance))
    return a, b, weight


def _opponents(x: Tensor) -> Tensor:
    """Lightness and two opponent colours, about 0..1, of sRGB (B, 3, H, W) in 0..255; lightness alone of one plane.

    Cube roots of light in the eye's long, middle and short bands: XYB, as in JPEG XL.
    """
    light = (x.clamp(0, 255) / 255 + 0.055).div(1.055) ** 2.4  # sRGB but for its straight foot
    if x.shape[1] == 1:
        return light.add(0.004) ** (1 / 3)
    red, green, blue = light.unbind(1)
    long = 0.3 * red + 0.622 * green + 0.078 * blue
    middle = 0.23 * red + 0.692 * green + 0.078 * blue
    short = 0.243 * red + 0.205 * green + 0.552 * blue
    long, middle, short = ((band + 0.004) ** (1 / 3) for band in (long, middle, short))
    return torch.stack([(long + middle) / 2, RED_GREEN_GAIN * (long - middle), short - (long + middle) / 2], 1)


def _dissimilarity(x: Tensor, y: Tensor) -> Tensor:
    """1 - structural similarity, everywhere: of means by their difference alone, as planes are even already."""
    mean_x, mean_y = _smoothed(x), _smoothed(y)
    variance_x, variance_y = _smoothed(x * x) - mean_x**2, _smoothed(y * y) - mean_y**2
    covariance = _smoothed(x * y) - mean_x * mean_y
    structure = (2 * covariance + CONTRAST_SOFTENING) / (variance_x + variance_y + CONTRAST_SOFTENING)
    return 1 - (1 - (mean_x - mean_y) ** 2) * structure


def _smoothed(x: Tensor) -> Tensor:
    """Planes under a Gaussian, edges repeated."""
    reach = round(3 * SMOOTHING)
    return ms_ssim.smoothed(F.pad(x, (reach, reach, reach, reach), mode="replicate"), 2 * reach + 1, SMOOTHING)
