"""What others need of a model: a page about it, and a file that runs without this package."""
