"""What nbval's kernels begin with, as those of papermill do: see birads_lib.execute.begin."""

import gc

gc.set_threshold(200_000, 20, 20)
