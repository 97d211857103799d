"""Side-by-side measurements: ratios in one run, never timed tests. `python -m benchmarks --help`."""

from latentstudio.settings import calm_threads

# As the program does, before torch is loaded.
calm_threads()
