"""The public protocols: which split, which figures, and who published them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedRow:
    """Figures of one model, as its source gives them.

    Attributes
    ----------
    model : str
    recall, ndcg : float
        Recall@20 and NDCG@20.
    source : str
    """

    model: str
    recall: float
    ndcg: float
    source: str


@dataclass(frozen=True)
class PublicProtocol:
    """One public split.

    Attributes
    ----------
    name, title : str
    subjects, items, pairs : int
        Of train and test together, to tell the published split from another one.
    rows : tuple of PublishedRow
    """

    name: str
    title: str
    subjects: int
    items: int
    pairs: int
    rows: tuple[PublishedRow, ...]


_SIMPLEX = "Mao et al., SimpleX, CIKM 2021, arXiv:2109.12613"
_ULTRAGCN = "Mao et al., UltraGCN, CIKM 2021, arXiv:2110.15114"
_EASE = "EASE (Steck, WWW 2019, arXiv:1905.03375), measured on this split"
_ALS = "the best public implementation of ALS, measured on this split"

PROTOCOLS = {
    each.name: each
    for each in (
        PublicProtocol(
            "ml-1m",
            "MovieLens-1M",
            6_022,
            3_043,
            995_154,
            (
                PublishedRow("SimpleX", 0.2802, 0.2670, _SIMPLEX),
                PublishedRow("EASE", 0.2761, 0.2677, _EASE),
                PublishedRow("ALS", 0.2774, 0.2665, _ALS),
            ),
        ),
        PublicProtocol(
            "gowalla",
            "Gowalla",
            29_858,
            40_981,
            1_027_370,
            (
                PublishedRow("UltraGCN", 0.1862, 0.1580, _ULTRAGCN),
                PublishedRow("SimpleX", 0.1872, 0.1557, _SIMPLEX),
                PublishedRow("ALS", 0.1797, 0.1501, f"{_ALS}, 512 factors"),
            ),
        ),
        PublicProtocol(
            "amazon-cds",
            "Amazon CDs",
            43_169,
            35_648,
            777_426,
            (
                PublishedRow("SimpleX", 0.1763, 0.1145, _SIMPLEX),
                PublishedRow("ALS", 0.1736, 0.1125, _ALS),
            ),
        ),
    )
}
