"""Quantities as the API writes them back: any other way would differ at every refresh."""

from __future__ import annotations


def cores(millicores: int) -> str:
    """CPU, as 2 or 2500m."""
    whole, rest = divmod(millicores, 1000)
    return f"{millicores}m" if rest else str(whole)


def memory(mebibytes: int) -> str:
    """Memory, as 2Gi or 2500Mi."""
    whole, rest = divmod(mebibytes, 1024)
    return f"{mebibytes}Mi" if rest else f"{whole}Gi"


def storage(gibibytes: int) -> str:
    """Of a disk, as 1Ti or 100Gi."""
    whole, rest = divmod(gibibytes, 1024)
    return f"{gibibytes}Gi" if rest else f"{whole}Ti"
