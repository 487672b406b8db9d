"""The published columns of Online Retail and their types."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["COLUMNS"]

COLUMNS: dict[str, pa.DataType] = {
    "InvoiceNo": pa.string(),
    "StockCode": pa.string(),
    "Description": pa.string(),
    "Quantity": pa.int64(),
    "InvoiceDate": pa.timestamp("s"),
    "UnitPrice": pa.float64(),
    "CustomerID": pa.int64(),
    "Country": pa.string(),
}
