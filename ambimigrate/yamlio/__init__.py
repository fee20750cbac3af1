"""YAML text to documents with positions, and edits back into text."""

from ambimigrate.yamlio.read import Document, Unreadable, Values, documents, values

__all__ = ["Document", "Unreadable", "Values", "documents", "values"]
