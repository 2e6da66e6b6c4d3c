"""Charts by subject: each function takes numbers and returns a ``Figure``, never shown.

Throughout, ``task`` is what the labels are, ``y`` (n,) are true labels 1..K and ``p`` (n, K) the
labels' probabilities. A table of intervals has metric, estimate, low and high, a row per metric,
as of ``bootstrap.intervals``. With ``show_pixels=False`` an image is drawn as the outline of its
breast, with the marks that radiologists drew, and a map no finer than ``restricted`` allows, and
nothing else of it.
"""
