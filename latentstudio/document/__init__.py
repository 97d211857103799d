"""What the user is working on: one picture as a value, and its history. NumPy only; no Qt."""
