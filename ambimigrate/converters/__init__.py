"""How objects become their ambient form: exact, or refused with the field and the reason."""
