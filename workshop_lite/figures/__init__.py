"""All of the book's matplotlib: one call a figure."""
