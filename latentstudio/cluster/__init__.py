"""The same work on many processes or machines, on dask.distributed (the extra `cluster`)."""
