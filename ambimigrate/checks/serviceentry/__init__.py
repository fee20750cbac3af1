"""Rules about ServiceEntries."""

KINDS = ("ServiceEntry",)
