"""Learning on frozen features: shallow models, views joined, findings of another set."""
