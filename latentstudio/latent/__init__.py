"""What a latent is and what may be done to it. NumPy only; safe on any thread."""
