"""Settings of a network that is small enough for a unit test."""

SIZE = 64
TINY = {
    "backbone": "small_resnet",
    "weights": "none",
    "image_size": SIZE,
    "embed": 16,
    "feed_forward": 16,
    "dense_1": 16,
    "dense_2": 8,
}
