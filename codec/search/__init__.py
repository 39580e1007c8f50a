"""What only encoders need: rate-distortion optimisation, and the measures it goes by."""
