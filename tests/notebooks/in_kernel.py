"""What nbval's kernels begin with, as those of papermill do."""

from press.execute import collect_seldom

collect_seldom()
