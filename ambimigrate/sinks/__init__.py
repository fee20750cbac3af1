"""The only writers: changes as text, and trees of files."""
