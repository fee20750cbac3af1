"""Converters against evaluators: what is converted decides every request as before, what is refused is refused for a reason."""
