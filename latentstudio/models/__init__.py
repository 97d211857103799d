"""From named arrays to a Generator: the seam, the registry, one file per architecture. Torch; no Qt."""
