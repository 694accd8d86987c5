"""All of the book's controls: live ones, and ones that need no kernel."""
