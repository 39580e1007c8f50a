"""Lagrange multipliers: bits that a squared error of one nominal step^2 is worth, in each place that weighs the two."""

LAMBDA = 6.5  # in training and refinement: the slope of a uniform quantiser, tuned
LAMBDA_RDOQ = 16.0  # in the choice of integers: and what contexts, and eyes, lose by a wrong one
LAMBDA_RDOQ_REFINED = 20.0  # the same after refinement, which has weighed bits against error already
