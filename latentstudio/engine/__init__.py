"""The thread that owns the generator: requests, stage cache, jobs. Torch; no Qt."""
