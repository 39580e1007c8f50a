"""What the weights that ship reach. Tolerances here are refitted when weights change, and nowhere else."""
