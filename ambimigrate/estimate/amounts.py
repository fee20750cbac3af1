"""Amounts of CPU, memory and money: numbers or ranges, which add up and multiply."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from msgspec import Struct

GIB = 1024**3
MONTHS = 12
_UNITS = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": GIB, "Ti": 2**40, "": 1}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|Ki|M|Mi|MB|G|Gi|GB|T|Ti)?")


class Range(Struct, frozen=True):
    """A number that is known to lie between two; both are equal where it is known exactly."""

    low: float
    high: float

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Range) -> Range:
        return Range(self.low - other.high, self.high - other.low)

    def times(self, factor: float) -> Range:
        """So many of it."""
        return Range(self.low * factor, self.high * factor)

    def at(self, price: Range) -> Range:
        """What it costs at a price, which may be a range, too."""
        return Range(self.low * price.low, self.high * price.high)

    def reduced_by(self, other: Range) -> Range:
        """The difference of two figures that depend on the same assumptions: low against low, high against high."""
        return Range(*sorted((self.low - other.low, self.high - other.high)))


ZERO = Range(0.0, 0.0)


def exactly(number: float) -> Range:
    """A number that is known."""
    return Range(number, number)


class Amount(Struct, frozen=True):
    """CPU in cores and memory in GiB; None is unknown."""

    cpu: Range | None = ZERO
    memory: Range | None = ZERO

    def __add__(self, other: Amount) -> Amount:
        return Amount(_sum(self.cpu, other.cpu), _sum(self.memory, other.memory))

    def times(self, factor: float | None) -> Amount:
        """So many of it; unknown if it is not known how many, unless there is nothing to multiply."""
        return Amount(_product(self.cpu, factor), _product(self.memory, factor))


def _sum(one: Range | None, other: Range | None) -> Range | None:
    return None if one is None or other is None else one + other


def _product(one: Range | None, factor: float | None) -> Range | None:
    if one == ZERO:
        return ZERO
    return None if one is None or factor is None else one.times(factor)


class Prices(Struct, frozen=True):
    """What a core and a GiB cost in a month; None is unknown."""

    vcpu: Range | None = None
    gib: Range | None = None

    def year(self, amount: Amount) -> Range | None:
        """The money that the amount costs in a year: of what has a price; None if nothing has, or an amount is unknown."""
        priced = [(price, of) for price, of in ((self.vcpu, amount.cpu), (self.gib, amount.memory)) if price is not None]
        if not priced:
            return None
        total = ZERO
        for price, of in priced:
            if of is None:
                return None
            total += of.times(MONTHS).at(price)
        return total


def quantity(text: str) -> float:
    """Kubernetes' notation of a quantity (`100m`, `0.6`, `128Mi`, `50M`; MB and GB are powers of ten). Raises ValueError."""
    found = _QUANTITY.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no quantity such as 0.6, 100m, 128Mi or 50MB")
    try:
        number = Decimal(found[1])
    except InvalidOperation:  # pragma: no cover - the pattern admits digits only
        raise ValueError(f"{text!r} is no number") from None
    unit = (found[2] or "").removesuffix("B")
    return float(number / 1000 if unit == "m" else number * _UNITS[unit])


def span(text: str) -> Range:
    """A quantity, or two with `-` between them: `50MB-100MB`. Raises ValueError."""
    low, found, high = text.partition("-")
    ends = (quantity(low), quantity(high) if found else quantity(low))
    if ends[0] > ends[1]:
        raise ValueError(f"{text!r}: the smaller quantity stands first")
    return Range(*ends)
