"""What nbval's kernels begin with, as those of papermill do."""

from birads_lib.execute import collect_seldom

collect_seldom()
