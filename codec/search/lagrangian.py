"""Lagrange multipliers: bits that a squared error of one nominal step^2 is worth, in each place that weighs the two."""

from codec.quality import Metric

LAMBDA = 6.5  # in training and refinement: the slope of a uniform quantiser, tuned
LAMBDA_RDOQ = 16.0  # in the choice of integers: and what contexts, and eyes, lose by a wrong one
LAMBDA_RDOQ_SQUARED = 9.0  # the same where nothing but squared error counts
LAMBDA_RDOQ_REFINED = 20.0  # the same after refinement, which has weighed bits against error already


def price_of_rounding(metric: Metric) -> float:
    """Of the choice of integers, in an image that shall be good by a metric."""
    return LAMBDA_RDOQ_SQUARED if metric == "psnr" else LAMBDA_RDOQ
